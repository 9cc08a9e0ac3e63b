"""Name scopes that say which layer an operation comes from, in a file that knows no layers.

TensorFlow makes names unique by numbers that look like those of Keras: what `dense_1` did may be found under
`dense_1_2`, and under `dense_1` what `dense` did. So a model to be converted is traced call by call, each in a scope of
its own that cannot be mistaken.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfopt.graphs.replay import Call, replay

SCOPE = re.compile(r"layer\.([A-Za-z0-9_-]+)\.\d+/")


def plain(layer: str) -> str:
    """The name of a layer in the characters that a scope may have."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", layer)


def scoped(model: keras.Model, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a model whose graph is known, flat, each call in a scope that names the layer."""
    calls: Counter[str] = Counter()

    def visit(call: Call) -> Any:
        calls[call.name] += 1
        with tf.name_scope(f"layer.{plain(call.name)}.{calls[call.name]}"):
            return call.operation(*call.args, **call.kwargs)

    return replay(model, inputs, visit)


def layers_in(tensor: str) -> list[str]:
    """The layers, by their plain names, whose scopes the name of a tensor has."""
    return SCOPE.findall(tensor)
