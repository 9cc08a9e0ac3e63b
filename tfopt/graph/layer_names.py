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
    """Yield the layers of a model with their names, those of nested models as `nested/layer`.

    >>> inner = keras.Sequential([keras.layers.Dense(2, name="dense")], name="inner")
    >>> [name for name, _ in named_layers(keras.Sequential([inner, keras.layers.ReLU(name="relu")]))]
    ['inner/dense', 'relu']
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from named_layers(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def first_names(model: keras.Model) -> dict[int, str]:
    """Return the first name of each layer by its `id`: a layer may be in several nested models."""
    names: dict[int, str] = {}
    for name, layer in named_layers(model):
        names.setdefault(id(layer), name)
    return names


def call_in_scopes(model: keras.Model, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Call a model for inference with each layer in a name scope of its own: its number in `named_layers` and a dot.

    Args:
        model: A model whose graph is known.
        inputs: A tensor for each input.

    Returns:
        The outputs, flat.
    """
    numbers = {name: number for number, (name, _) in enumerate(named_layers(model))}

    def visit(call: Call) -> Tensor:
        if call.name not in numbers:
            return call.infer()
        with tf.name_scope(f"{numbers[call.name]}."):
            return call.infer()

    return replay(model, inputs, visit)


def parse_scopes(tensor: str) -> list[int]:
    """Return the numbers of the layers whose scopes the name of a tensor has.

    >>> parse_scopes("12./dense_1/MatMul;13./Relu")
    [12, 13]
    """
    return [int(number) for number in SCOPE.findall(tensor)]
