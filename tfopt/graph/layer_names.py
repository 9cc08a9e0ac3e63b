"""The names of a model's layers, those of nested models as `nested/layer`, and name scopes that carry them into a file.

TensorFlow makes names unique by numbers that look like those of Keras: what `dense_1` did may be found under
`dense_1_2`, and under `dense_1` what `dense` did. So a model to be converted is traced call by call, each in a scope of
its own that cannot be mistaken.
"""

import re
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor

SCOPE = re.compile(r"(?:^|;)(\d+)\.(?:_\d+)?/")


def named_layers(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield the layers of a model with their names, those of nested models as `nested/layer`."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from named_layers(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def first_names(model: keras.Model) -> dict[int, str]:
    """For the `id` of each layer the first of its names: a layer may be in several nested models."""
    names: dict[int, str] = {}
    for name, layer in named_layers(model):
        names.setdefault(id(layer), name)
    return names


def call_in_scopes(model: keras.Model, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a model whose graph is known, flat, in inference; each layer in a scope, its number and a dot."""
    numbers = {name: number for number, (name, _) in enumerate(named_layers(model))}

    def visit(call: Call) -> Tensor:
        if call.name not in numbers:
            return call.infer()
        with tf.name_scope(f"{numbers[call.name]}."):
            return call.infer()

    return replay(model, inputs, visit)


def parse_scopes(tensor: str) -> list[int]:
    """The numbers of the layers, in the order of `named_layers`, whose scopes the name of a tensor has."""
    return [int(number) for number in SCOPE.findall(tensor)]
