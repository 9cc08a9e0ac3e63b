"""Labels as they are written become class indices, with the words they were, or numbers.

Words and few whole numbers are classes; fractions and many numbers are amounts to be predicted. The task of the config
overrules that, and a model that remembers its classes gives them the indices it learnt.
"""

from dataclasses import dataclass

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.lazy_arrays import pieces
from tfopt.data.several_labels import several_labels
from tfopt.data.tables import Table, is_number
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_WHOLE = 0.1  # whole numbers that take more values than this share of the rows are amounts, not classes
LEAST_VALUES = 20
MOST_WORDS = 100_000


@dataclass(frozen=True)
class Labels:
    """Class indices (N,), numbers (N,) of a regression, or several labels (N, K); `names` are those of classes."""

    y: Array
    task: Task
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def encode_labels(table: Table, column: str, task: Task | None, known: tuple[str, ...] | None) -> Labels:
    """Read the labels of a column as class indices or as numbers.

    Args:
        table: The table.
        column: The column of the labels.
        task: What to read them for; None lets the values say.
        known: The classes that a model remembers; None makes them of the values.

    Returns:
        The labels, with their task and the names of classes.

    Raises:
        InputError: If a row has no label, or one that is no number or unknown class.
    """
    if task == "multi-label":
        several = several_labels(table, column, known)
        return Labels(several.y, task, several.names)
    words, rows = _number_words(table.texts(column))
    empty = np.strings.str_len(words) == 0
    if empty.any():
        row = int(np.argmax(rows == empty.argmax()))
        raise InputError(f"{table.path} has no label in {table.place(row)}, column {column}")
    if task not in (None, "classification", "regression"):
        raise InputError(f"{table.path} has labels in column {column}, which is no {task}")
    if known is not None and task != "regression":
        return _encode_known_classes(table, words, rows, known)
    numeric = all(map(is_number, words))
    if task == "regression" or (task is None and numeric and are_continuous(words.astype(np.float64), len(rows))):
        notes = () if task else (f"{column} takes many values: it is predicted as a number (`task` regression)",)
        return Labels(table.numbers(column), "regression", notes=notes)
    names = tuple(sorted(set(words), key=(lambda v: (float(v), v)) if numeric else (lambda v: (0.0, v))))
    return Labels(_to_indices(words, names)[rows], "classification", names)


def _number_words(texts: Array) -> tuple[Array, Array]:
    """Return words without the spaces around them, and for each text (N,) the number of its word.

    Each word is there once, unless there are so many that a table of them would take more memory than all texts.
    """
    known: dict[str, int] = {}
    found: list[Array] = []
    for piece in pieces(texts):
        numbers = (known.setdefault(word, len(known)) for word in np.strings.strip(piece))
        found.append(np.fromiter(numbers, np.int32, len(piece)))
        if len(known) > MOST_WORDS:
            return np.strings.strip(np.asarray(texts)), np.arange(len(texts))
    return np.array(list(known), np.dtypes.StringDType()), np.concatenate(found)


def _encode_known_classes(table: Table, words: Array, rows: Array, names: tuple[str, ...]) -> Labels:
    for number, word in enumerate(words):
        if word not in names:
            known = ", ".join(names[:10])
            raise InputError(
                f"{table.path} has the label {word[:40]!r} in {table.place(int(np.argmax(rows == number)))}, which the"
                f" model does not know: {known}"
            )
    return Labels(_to_indices(words, names)[rows], "classification", names)


def _to_indices(words: Array, names: tuple[str, ...]) -> Array:
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[word] for word in words])


def are_continuous(numbers: Array, count: int | None = None) -> bool:
    """Tell whether numbers (N,) are amounts rather than classes: some are no integers, or they take very many values.

    They may be given once each, with the `count` of all.

    >>> are_continuous(np.array([0.0, 1.0, 1.0, 2.0])), are_continuous(np.array([0.5, 1.0]))
    (False, True)
    """
    distinct, most = len(np.unique(numbers)), MOST_WHOLE * (count or len(numbers))
    return bool((numbers != np.round(numbers)).any()) or distinct > max(LEAST_VALUES, most)
