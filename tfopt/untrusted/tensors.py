"""A few bytes of configuration can ask for tensors that no memory holds: a repetition, an upsampling, a padding."""

import math
from collections.abc import Iterator
from typing import Any

import keras

from tfopt.errors import InputError
from tfopt.untrusted.limits import MOST_ELEMENTS


def check_tensors(model: keras.Model, name: str) -> None:
    """Raise `InputError` if what goes into or comes out of a layer is too large for one sample."""
    for operation in _operations(model):
        for tensor in (*_tensors(operation, "input"), *_tensors(operation, "output")):
            elements = math.prod(size for size in tensor.shape[1:] if size)
            if elements > MOST_ELEMENTS:
                raise InputError(f"{name} makes {elements:,} numbers of one sample in {operation.name}: refused")


def _operations(model: keras.Model) -> Iterator[Any]:
    for operation in getattr(model, "operations", None) or model.layers:
        yield operation
        if isinstance(operation, keras.Model):
            yield from _operations(operation)


def _tensors(operation: Any, which: str) -> list[keras.KerasTensor]:
    """Those of its first call; none if it was never called."""
    try:
        found = keras.tree.flatten(getattr(operation, which))
    except (AttributeError, ValueError):
        return []
    return [tensor for tensor in found if isinstance(tensor, keras.KerasTensor)]
