"""Name scopes that say which layer an operation comes from, in a file that knows no layers.

TensorFlow makes names unique by numbers that look like those of Keras: what `dense_1` did may be found under
`dense_1_2`, and under `dense_1` what `dense` did. So a model to be converted is traced call by call, each in a scope of
its own that cannot be mistaken.
"""

import re
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfopt.graph.leaves import leaves
from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor

SCOPE = re.compile(r"(?:^|;)(\d+)\.(?:_\d+)?/")


def scoped(model: keras.Model, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a model whose graph is known, flat, in inference; each layer in a scope, its number and a dot."""
    numbers = {name: number for number, (name, _) in enumerate(leaves(model))}

    def visit(call: Call) -> Tensor:
        if call.name not in numbers:
            return call.infer()
        with tf.name_scope(f"{numbers[call.name]}."):
            return call.infer()

    return replay(model, inputs, visit)


def layers_in(tensor: str) -> list[int]:
    """The numbers of the layers, in the order of `leaves`, whose scopes the name of a tensor has."""
    return [int(number) for number in SCOPE.findall(tensor)]
