"""Masks of arrays: a class for each pixel of an image, as class indices, as other values, or one-hot.

Values such as 0 and 255 become the classes 0 and 1, named after the values.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.array_labels import ArrayLabels
from tfopt.data.lazy_arrays import LazyArray, mapped
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_CLASSES = 256
MOST_GUESSED = 64  # values of whole numbers that nobody has called masks; photographs have more
SPARSE = 2  # values that go up to so many times their number are no class indices
PIECE = 1 << 22  # pixels that are looked at together


def find_map_task(x: Array, y: Array, task: Task | None) -> tuple[Task, tuple[str, ...]] | None:
    """Tell what labels with a number for each pixel are for, and a note if nobody has said so.

    Args:
        x: Samples (N, ...).
        y: Labels (N, ...).
        task: What was asked for.

    Returns:
        Segmentation for few whole numbers in one channel or one-hot, else image to image; None for other labels.
    """
    if task in ("segmentation", "image-to-image"):
        return task, ()
    if task is not None or x.ndim not in (3, 4) or y.ndim not in (3, 4) or y.dtype.kind not in "fiub" or 0 in y.shape:
        return None
    if _are_one_hot(y):
        return "segmentation", ()
    values = _distinct(y, MOST_GUESSED) if _one_channel(y) else None
    if values is None or (values != np.round(values)).any():
        return "image-to-image", ("y has an image for each one in x: `task` image-to-image",)
    told = f"y has {len(values)} whole numbers as classes of pixels: `task` segmentation (or image-to-image)"
    return "segmentation", (told,)


def read_masks(y: Array, y_test: Array | None, known: tuple[str, ...] | None, source: str) -> ArrayLabels:
    """Read masks as a file has them.

    Args:
        y: Masks (N, H, W), (N, H, W, 1), or one-hot (N, H, W, K).
        y_test: Those of the test split, if the file has one.
        known: The classes that a model remembers.
        source: The name of the file in messages.

    Returns:
        Class indices (N, H, W).

    Raises:
        InputError: If they are no masks, or have a value that is not known.
    """
    parts = {name: part for name, part in (("y_train", y), ("y_test", y_test)) if part is not None}
    if all(map(_are_one_hot, parts.values())):
        made = [mapped(part, _from_one_hot, part.shape[1:3], np.uint8) for part in parts.values()]
        note = f"one-hot masks of {y.shape[-1]} channels are taken as {y.shape[-1]} classes"
        return ArrayLabels(made[0], made[1] if y_test is not None else None, known, (note,))
    flat = {name: _checked(part, name, source) for name, part in parts.items()}
    values = _values(flat["y_train"], "y_train", source)
    if known is not None:
        numbers = [int(name) if name.isdecimal() else index for index, name in enumerate(known)]
    elif values[-1] < SPARSE * len(values):
        numbers = []  # class indices already
    else:
        numbers = values.tolist()
    if not numbers:
        found = [part.astype(np.int32 if values[-1] >= MOST_CLASSES else np.uint8) for part in flat.values()]
        return ArrayLabels(found[0], found[1] if y_test is not None else None)
    found = [_indices(part, numbers, name, source) for name, part in flat.items()]
    names = known or tuple(map(str, numbers))
    written = ", ".join(names[:-1]) + f" and {names[-1]}"
    notes = () if known else (f"the values {written} of the masks are the classes 0 to {len(names) - 1}",)
    return ArrayLabels(found[0], found[1] if y_test is not None else None, names, notes)


def _checked(y: Array, name: str, source: str) -> Array:
    """Return masks (N, H, W) of whole numbers."""
    if y.ndim not in (3, 4) or y.dtype.kind not in "fiub":
        raise InputError(
            f"{source}: {name} has shape {y.shape} and type {y.dtype}; `task` segmentation needs masks (N, height,"
            " width), a class index for each pixel"
        )
    if not _one_channel(y):
        raise InputError(
            f"{source}: {name} has {y.shape[3]} channels and is no mask but pictures; a mask has one class index for"
            " each pixel (`task` image-to-image learns to make pictures)"
        )
    return y if y.ndim == 3 else y.reshape(len(y), *y.shape[1:3])


def _values(y: Array, name: str, source: str) -> Array:
    """Return the distinct values of masks, in order."""
    values = _distinct(y, MOST_CLASSES)
    if values is None:
        raise InputError(
            f"{source}: {name} has more than {MOST_CLASSES} values and is no mask but pictures; a mask has a class"
            " index for each pixel (`task` image-to-image learns to make pictures)"
        )
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise InputError(f"{source}: {name} has values that are no class indices (0, 1, 2, ...)")
    if values[0] < 0:
        raise InputError(f"{source}: {name} has the label {values[0]:g}; labels of pixels are class indices 0..K-1")
    return values.astype(np.int64)


def _indices(y: Array, numbers: list[int], name: str, source: str) -> Array:
    """Return the places (N, H, W) that values have among `numbers`."""
    order = np.argsort(numbers)
    ordered = np.array(numbers)[order]
    kind = np.dtype(np.uint8 if len(numbers) <= MOST_CLASSES else np.int32)
    places = None if isinstance(y, LazyArray) else np.empty(y.shape, kind)
    for rows in _pieces(y):
        part = y[rows]
        at = np.minimum(np.searchsorted(ordered, part), len(numbers) - 1)
        if (wrong := ordered[at] != part).any():
            image, *_ = np.argwhere(wrong)[0] + rows.start
            known = ", ".join(map(str, numbers[:10]))
            raise InputError(
                f"{source}: {name} has the value {part[wrong][0]:g} in image {image + 1}, which is no class: {known}"
            )
        if places is not None:
            places[rows] = order[at]
    if places is not None:
        return places
    return mapped(y, lambda part: order[np.searchsorted(ordered, part)].astype(kind), y.shape[1:], kind)


def _from_one_hot(masks: Array) -> Array:
    classes: Array = masks.argmax(axis=-1).astype(np.uint8)
    return classes


def _distinct(y: Array, most: int) -> Array | None:
    """Return the distinct values of y (N, ...), in order; None if there are more than `most`."""
    found = np.zeros(0, y.dtype)
    for rows in _pieces(y):
        found = np.union1d(found, y[rows])
        if len(found) > most:
            return None
    return found


def _pieces(y: Array) -> Iterator[slice]:
    step = max(1, PIECE // max(1, prod(y.shape[1:])))
    return (slice(start, start + step) for start in range(0, len(y), step))


def _one_channel(y: Array) -> bool:
    return y.ndim == 3 or y.shape[3] == 1


def _are_one_hot(y: Array) -> bool:
    """Tell whether labels (N, H, W, K) say the class of each pixel with a single one."""
    if y.ndim != 4 or y.shape[3] < 2 or y.dtype.kind not in "fiub":
        return False
    return all(bool(((y[r] == 0) | (y[r] == 1)).all() and (y[r].sum(axis=-1) == 1).all()) for r in _pieces(y))
