"""A few bytes of configuration can ask for tensors that no memory holds: a repetition, an upsampling, a padding."""

import math
from collections.abc import Iterator
from typing import Any

import keras

from tfopt.errors import InputError
from tfopt.untrusted.limits import MOST_ELEMENTS

MOST_UNROLLED = 2000


def check_tensors(model: keras.Model, name: str) -> None:
    """Raise `InputError` if what goes into or comes out of a layer is too large for one sample."""
    for operation in _operations(model):
        steps = _unrolled(operation)
        if steps > MOST_UNROLLED:
            raise InputError(f"{name} has {operation.name} unrolled over {steps:,} steps: refused, as it never ends")
        for tensor in (*_tensors(operation, "input"), *_tensors(operation, "output")):
            elements = math.prod(size for size in tensor.shape[1:] if size)
            if elements > MOST_ELEMENTS:
                raise InputError(f"{name} makes {elements:,} numbers of one sample in {operation.name}: refused")


def _unrolled(operation: Any) -> int:
    """Steps of a recurrent layer that stand in the graph one by one; 0 if it loops."""
    inner = getattr(operation, "forward_layer", operation)
    found = _tensors(operation, "input") if getattr(inner, "unroll", False) else []
    return max((tensor.shape[1] or 0 for tensor in found if len(tensor.shape) > 2), default=0)


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
