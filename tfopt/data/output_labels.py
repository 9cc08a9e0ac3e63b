"""Models with several outputs: what is known of each, and their labels or answers side by side in one array.

Everything that holds labels or answers holds one array (N, ...). Those of several outputs are flattened and stand side
by side, (N, F), in the order of the outputs, and are taken apart where an output is looked at by itself.
"""

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np
from pydantic import BaseModel, ConfigDict

from tfopt.config.choices import Task
from tfopt.typing import Array


class OutputLabels(BaseModel):
    """The labels of one output.

    Attributes:
        name: The name of the output.
        task: What its labels are for.
        shape: The shape of one label: () of a class index.
        classes: The number of classes; 0 where labels are numbers.
        class_names: The words that were labels, in order of their class indices.
        answer: The shape of one answer of the model; None before a model is known.
        probabilities: Whether a single score of two classes is a probability, and no logit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    task: Task
    shape: tuple[int, ...] = ()
    classes: int = 0
    class_names: tuple[str, ...] | None = None
    answer: tuple[int, ...] | None = None
    probabilities: bool = True


def side_by_side(arrays: Iterable[Array]) -> Array:
    """Return arrays (N, ...) flattened side by side, (N, F); one alone is left as it is.

    Example:
        >>> side_by_side([np.zeros((2, 3)), np.ones((2, 2, 2))]).shape
        (2, 7)
    """
    every = list(arrays)
    if len(every) == 1:
        return every[0]
    return np.concatenate([one.reshape(len(one), -1) for one in every], axis=1)


def taken_apart(array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return what `side_by_side` was given, from (N, F) and the shape of one sample of each.

    Example:
        >>> [part.shape for part in taken_apart(np.zeros((2, 7)), [(3,), (2, 2)])]
        [(2, 3), (2, 2, 2)]
    """
    ends = np.cumsum([prod(shape) for shape in shapes])
    parts = np.split(array, ends[:-1], axis=1)
    return [part.reshape(len(array), *shape) for part, shape in zip(parts, shapes, strict=True)]


def label_parts(y: Array, outputs: Sequence[OutputLabels]) -> list[Array]:
    """Return the labels of each output; class indices are integers again."""
    parts = taken_apart(y, [one.shape for one in outputs])
    return [part.astype(np.int64) if one.classes else part for one, part in zip(outputs, parts, strict=True)]
