"""Labels of array files: class indices, words or one-hot rows become class indices, the rest stays as it is.

Rows of 0 and 1 with several or none of 1 are labels, of which a sample may have many.
"""

from typing import NamedTuple

import numpy as np

from tfopt.config.choices import Task
from tfopt.errors import InputError
from tfopt.typing import Array


class ArrayLabels(NamedTuple):
    """Labels of the train and test arrays, the words that they were, notes, and the task if they say which it is."""

    y: Array
    y_test: Array | None
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    task: Task | None = None


def read_labels(
    y: Array, y_test: Array | None, task: Task | None, known: tuple[str, ...] | None, source: str
) -> ArrayLabels:
    """Read labels as a file has them.

    Args:
        y: Labels (N,) or (N, K).
        y_test: Those of the test split, if the file has one.
        task: What they are for; None lets them say.
        known: The classes that a model remembers.
        source: The name of the file in messages.

    Raises:
        InputError: If there are words of no class, or words in one split only.
    """
    if _are_words(y):
        if task in ("regression", "compiled", "multi-label"):
            raise InputError(f"{source}: y_train has words; `task` {task} needs numbers")
        return _read_words(y, y_test, known, source)
    if y_test is not None and _are_words(y_test):
        raise InputError(f"{source}: y_test has words, but y_train has numbers")
    parts = [y] if y_test is None else [y, y_test]
    one_hot, several = all(map(_are_one_hot, parts)), all(map(_are_several, parts))
    if task == "multi-label" or (task is None and several and not one_hot):
        return _several(parts, several, task, known, source)
    if task in ("regression", "compiled") or not one_hot:
        return ArrayLabels(y, y_test)
    classes = [part.argmax(axis=1) for part in parts]
    note = f"one-hot labels of {y.shape[1]} columns are taken as {y.shape[1]} classes"
    return ArrayLabels(classes[0], classes[1] if y_test is not None else None, notes=(note,))


def _are_words(y: Array) -> bool:
    return y.dtype.kind in "UST"


def _are_several(y: Array) -> bool:
    return y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "fiub" and bool(((y == 0) | (y == 1)).all())


def _are_one_hot(y: Array) -> bool:
    return _are_several(y) and bool((y.sum(axis=1) == 1).all())


def _several(
    parts: list[Array], several: bool, task: Task | None, known: tuple[str, ...] | None, source: str
) -> ArrayLabels:
    """Take rows (N, K) of 0 and 1 as labels."""
    if not several:
        raise InputError(f"{source}: `task` multi-label needs rows of 0 and 1, one for each of two or more labels")
    count = parts[0].shape[1]
    told = (
        f"rows of 0 and 1 with several or none of 1 are taken as {count} labels (`task` multi-label; regression takes"
        " them as numbers)"
    )
    y, *rest = (part.astype(np.int64) for part in parts)
    names = known if known and len(known) == count else None
    return ArrayLabels(y, rest[0] if rest else None, names, () if task else (told,), "multi-label")


def _read_words(y: Array, y_test: Array | None, known: tuple[str, ...] | None, source: str) -> ArrayLabels:
    if y_test is not None and not _are_words(y_test):
        raise InputError(f"{source}: y_test has numbers, but y_train has words")
    train = _clean(y, "y_train", source)
    names = known or tuple(np.unique(train).tolist())
    found = [_indices(train, names, "y_train", source)]
    if y_test is not None:
        found.append(_indices(_clean(y_test, "y_test", source), names, "y_test", source))
    return ArrayLabels(found[0], found[1] if y_test is not None else None, names)


def _clean(y: Array, name: str, source: str) -> Array:
    """Return words (N,) without spaces around them."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InputError(f"{source}: {name} has words of shape {y.shape}; one label a row is needed")
    words: Array = np.strings.strip(np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y.astype(str))
    if (words == "").any():
        raise InputError(f"{source}: {name} has an empty label in row {int((words == '').argmax()) + 1}")
    return words


def _indices(words: Array, names: tuple[str, ...], name: str, source: str) -> Array:
    index = {word: at for at, word in enumerate(names)}
    unknown = next((word for word in words.tolist() if word not in index), None)
    if unknown is not None:
        raise InputError(f"{source}: {name} has the label {unknown[:40]!r}; the classes are {', '.join(names[:10])}")
    return np.array([index[word] for word in words.tolist()], np.int64)
