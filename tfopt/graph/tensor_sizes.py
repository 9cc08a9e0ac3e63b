"""How large the tensors of one sample become, read off a traced graph: also those inside a layer, before any is made.

A layer may compare all tokens with all others, or make a matrix of its own, of a size that neither its weights nor its
outputs tell. Tracing computes nothing. What depends on the data, or is made in a loop, has no size in a graph.
"""

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfopt.errors import InputError
from tfopt.graph.calling import call, inputs_of
from tfopt.untrusted.limits import MOST_ELEMENTS
from tfopt.untrusted.tensors import check_tensors


def check_sizes(model: keras.Model, name: str) -> None:
    """Raise `InputError` if one sample would become a tensor that is too large, inside or between the layers."""
    check_tensors(model, name)
    most = max([MOST_ELEMENTS, *(math.prod(weight.shape) for weight in model.weights)])
    for operation in _traced(model):
        for tensor in operation.outputs:
            elements = math.prod(tensor.shape) if tensor.shape.is_fully_defined() else 0
            if elements > most:
                layer = "/".join(operation.name.split("/")[:2])
                raise InputError(f"{name} makes {elements:,} numbers of one sample in {layer}: refused")


def _traced(model: keras.Model) -> Iterator[Any]:
    """Operations of the graph for one sample; none if it cannot be traced, as then nothing can be run either."""
    try:
        specs = [tf.TensorSpec((tensor.shape[0] or 1, *tensor.shape[1:]), tensor.dtype) for tensor in inputs_of(model)]
        traced = tf.function(lambda *inputs: call(model, list(inputs)), autograph=False).get_concrete_function(*specs)
    except InputError:
        raise
    except Exception:  # a model raises whatever it likes, and does so again where it is used
        return
    yield from traced.graph.get_operations()
