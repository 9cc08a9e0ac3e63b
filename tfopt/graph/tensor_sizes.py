"""The sizes of the tensors of one sample: a few bytes of configuration can ask for some that no memory holds.

A layer may repeat, pad or enlarge its input, compare all tokens with all others, or make a matrix of its own, of a size
that its weights do not tell. Sizes between layers are in the model; those inside a layer are read off a traced graph,
and tracing computes nothing. What depends on the data, or is made in a loop, has no size in a graph.
"""

import math
from collections.abc import Iterator

import keras
import tensorflow as tf

from tfopt.errors import InputError
from tfopt.graph.model_io import call, inputs_of
from tfopt.untrusted.limits import MOST_ELEMENTS

MOST_UNROLLED = 2000


def check_tensor_sizes(model: keras.Model, name: str) -> None:
    """Raise `InputError` if one sample would become a tensor that is too large, inside or between the layers."""
    _check_between(model, name)
    most = max([MOST_ELEMENTS, *(math.prod(weight.shape) for weight in model.weights)])
    for operation in _trace_operations(model):
        for tensor in operation.outputs:
            elements = math.prod(tensor.shape) if tensor.shape.is_fully_defined() else 0
            if elements > most:
                layer = "/".join(operation.name.split("/")[:2])
                raise InputError(f"{name} makes {elements:,} numbers of one sample in {layer}: refused")


def _check_between(model: keras.Model, name: str) -> None:
    """Raise `InputError` if an input or output of a layer is too large for one sample."""
    for operation in _walk_operations(model):
        steps = _count_unrolled(operation)
        if steps > MOST_UNROLLED:
            raise InputError(f"{name} has {operation.name} unrolled over {steps:,} steps: refused, as it never ends")
        for tensor in (*_get_tensors(operation, "input"), *_get_tensors(operation, "output")):
            elements = math.prod(size for size in tensor.shape[1:] if size)
            if elements > MOST_ELEMENTS:
                raise InputError(f"{name} makes {elements:,} numbers of one sample in {operation.name}: refused")


def _count_unrolled(operation: keras.Operation) -> int:
    """Count the steps of a recurrent layer that stand in the graph one by one; 0 if it loops."""
    inner = getattr(operation, "forward_layer", operation)
    found = _get_tensors(operation, "input") if getattr(inner, "unroll", False) else []
    return max((tensor.shape[1] or 0 for tensor in found if len(tensor.shape) > 2), default=0)


def _walk_operations(model: keras.Model) -> Iterator[keras.Operation]:
    for operation in getattr(model, "operations", None) or model.layers:
        yield operation
        if isinstance(operation, keras.Model):
            yield from _walk_operations(operation)


def _get_tensors(operation: keras.Operation, which: str) -> list[keras.KerasTensor]:
    """Return the tensors of its first call; none if it was never called."""
    try:
        found = keras.tree.flatten(getattr(operation, which))
    except (AttributeError, ValueError):
        return []
    return [tensor for tensor in found if isinstance(tensor, keras.KerasTensor)]


def _trace_operations(model: keras.Model) -> Iterator[tf.Operation]:
    """Yield the operations of the graph for one sample; none if it cannot be traced, and so cannot be run either."""
    try:
        specs = [tf.TensorSpec((tensor.shape[0] or 1, *tensor.shape[1:]), tensor.dtype) for tensor in inputs_of(model)]
        traced = tf.function(lambda *inputs: call(model, list(inputs)), autograph=False).get_concrete_function(*specs)
    except InputError:
        raise
    except Exception:  # a model raises whatever it likes, and does so again where it is used
        return
    yield from traced.graph.get_operations()
