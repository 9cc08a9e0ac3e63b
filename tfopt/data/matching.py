"""Whether a data set fits a model, and the small reshapes (a channel axis more or less) that make it fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfopt.data.dataset import Dataset, Split
from tfopt.errors import InputError

Shape = tuple[int | None, ...]


def match(data: Dataset, name: str, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Dataset:
    """Return `data` in the shape model `name` takes, or raise `InputError` saying how the two differ.

    `inputs` and `outputs` are the model's shapes with the batch axis first. One output of shape (N, 1) is read as
    the score of class 1 of two.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"{name} has {len(inputs)} inputs and {len(outputs)} outputs, but {data.config.source} feeds one input"
            " and labels one output"
        )
    given, wanted = data.train.x.shape[1:], inputs[0][1:]
    shape = next(
        (s for s in (given, (*given, 1), given[:-1]) if _fits(s, wanted) and np.prod(s) == np.prod(given)), None
    )
    if shape is None:
        raise InputError(f"{name} takes samples of shape {wanted}, but {data.config.source} has {given}")
    classes = outputs[0][-1]
    if len(outputs[0]) != 2 or classes is None:
        raise InputError(f"{name} gives outputs of shape {outputs[0][1:]}; a classifier gives one score a class")
    if data.num_classes > max(classes, 2):
        raise InputError(
            f"{data.config.source} has the label {data.num_classes - 1}, out of range for {name}: it has"
            f" {max(classes, 2)} classes"
        )
    if shape == given:
        return data
    reshaped = {name: Split(split.x.reshape(len(split.x), *shape), split.y) for name, split in data.splits()}
    return replace(data, **reshaped)  # type: ignore[arg-type]


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))
