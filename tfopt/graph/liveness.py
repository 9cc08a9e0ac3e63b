"""Tensors are alive from when a layer makes them until the last layer that reads them was called."""

from math import prod

import keras

from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor


class _Held:
    """A tensor of some size, which is counted as long as anything refers to it."""

    def __init__(self, size: int, count: list[int]) -> None:
        self.size, self.count = size, count
        count[0] += size
        count[1] = max(count)

    def __del__(self) -> None:
        self.count[0] -= self.size


def peak_values(model: keras.Model) -> int:
    """Return the most numbers of a sample that are held at once, its inputs included.

    >>> inputs = keras.Input((4,))
    >>> hidden = keras.layers.Dense(10)(inputs)
    >>> peak_values(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.ReLU()(hidden))))
    24
    """
    sizes: list[list[int]] = []

    def measure(call: Call) -> Tensor:
        answers = call.operation(*call.args, **call.kwargs)
        sizes.append([_size(answer) for answer in keras.tree.flatten(answers)])
        return answers

    replay(model, list(model.inputs), measure)
    count, left = [0, 0], iter(sizes)
    replay(
        model,
        [_Held(_size(tensor), count) for tensor in model.inputs],
        lambda _: [_Held(size, count) for size in next(left)],
    )
    return count[1]


def _size(tensor: keras.KerasTensor) -> int:
    return prod(size or 1 for size in tensor.shape[1:])
