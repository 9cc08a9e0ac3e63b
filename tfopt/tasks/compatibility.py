"""The check that a data set fits a model, and the small reshapes that make it fit.

Images of one channel are stored with or without that axis; all else must agree: the number of inputs, the shape of a
sample, and the classes, numbers or words that the outputs stand for.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfopt.data.dataset import Dataset, Split
from tfopt.errors import InputError
from tfopt.tasks.registry import rules_of
from tfopt.tasks.rules import Shape, fits
from tfopt.typing import Options


def match(data: Dataset, name: str, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Dataset:
    """Return `data` in the shape that a model takes.

    Args:
        data: The data set.
        name: The name of the model in messages.
        inputs: Shapes of the model's inputs, batch axis first; None where a size is free.
        outputs: Shapes of its outputs, likewise. One output of shape (N, 1) is read as the score of class 1 of two.

    Returns:
        `data` itself, or a copy with an axis of size 1 more or less.

    Raises:
        InputError: If it does not fit; the message says how the two differ.
    """
    source = data.config.source
    if len(inputs) != len(data.train.inputs) or len(outputs) != 1:
        raise InputError(
            f"{name} has {len(inputs)} inputs and {len(outputs)} outputs, but {source} feeds"
            f" {_count_noun(len(data.train.inputs), 'input')} and labels one output"
        )
    rules_of(data.task).check_outputs(data, name, outputs[0])
    shapes = [
        _choose_shape(x.shape[1:], wanted[1:], name, source)
        for x, wanted in zip(data.train.inputs, inputs, strict=True)
    ]
    if all(x.shape[1:] == shape for x, shape in zip(data.train.inputs, shapes, strict=True)):
        return data
    reshaped: Options = {name: _reshape(split, shapes) for name, split in data.splits()}
    return replace(data, **reshaped)


def _choose_shape(given: tuple[int, ...], wanted: Shape, name: str, source: str) -> tuple[int, ...]:
    for shape in (given, (*given, 1), given[:-1]):
        if fits(shape, wanted) and np.prod(shape) == np.prod(given):
            return shape
    raise InputError(f"{name} takes samples of shape {wanted}, but {source} has {given}")


def _reshape(split: Split, shapes: Sequence[tuple[int, ...]]) -> Split:
    inputs = (x.reshape(len(x), *shape) for x, shape in zip(split.inputs, shapes, strict=True))
    return Split(tuple(inputs), split.y)


def _count_noun(count: int, noun: str) -> str:
    return f"{'one' if count == 1 else count} {noun}{'s' * (count > 1)}"
