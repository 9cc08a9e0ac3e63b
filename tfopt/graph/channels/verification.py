"""Verification that a smaller model is the given one without some channels: every tensor has the numbers it must have.

Both are run on the same inputs, the given one with zeros where weights read channels that left. What a call makes
there, without those channels, and what the same call makes in the smaller model must agree.
"""

from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfopt.errors import TfoptError
from tfopt.graph.channels.channel_graph import ChannelGraph
from tfopt.graph.channels.removal import zero_channels
from tfopt.graph.replay import Call, replay
from tfopt.typing import Array, Tensor

TOLERANCE = 1e-5  # relative to the largest number of a tensor, if that is above 1
HALF_TOLERANCE = 2e-2  # of layers that compute with 8 bits of precision
CallKey: TypeAlias = tuple[str, tuple[tuple[int, int], ...]]


class VerificationError(TfoptError):
    """Raised when the smaller model is not the one it must be: a defect of tfopt."""


def verify(model: keras.Model, small: keras.Model, graph: ChannelGraph, kept: Array, inputs: Sequence[Tensor]) -> float:
    """Compare a smaller model with the given one, tensor by tensor.

    Args:
        model: The given model; its weights change meanwhile and are then as before.
        small: The smaller model.
        graph: The channel graph of `model`.
        kept: True (n,) for each id that is in `small`.
        inputs: A tensor (N, ...) for each input.

    Returns:
        The largest difference in any tensor, relative to its largest number if that is above 1.

    Raises:
        VerificationError: If a shape differs, or a number by more than the tolerance.
    """
    before = model.get_weights()
    expected: dict[int, list[Array | None]] = {}
    channels = iter(graph.outputs)
    numbers: dict[CallKey, int] = {}
    called = CallNumbers(numbers, inputs)

    def note(call: Call) -> Tensor:
        answer = call.infer()
        expected[called.number(call, answer)] = [
            _to_array(tensor, None if one is None else (one.axis, np.flatnonzero(kept[one.ids])))
            for tensor, one in zip(keras.tree.flatten(answer), next(channels), strict=True)
        ]
        return answer

    model.set_weights(zero_channels(model, graph, kept))
    try:
        replay(model, inputs, note)
    finally:
        model.set_weights(before)
    worst = [0.0]
    called = CallNumbers(numbers, inputs)

    def compare(call: Call) -> Tensor:
        answer = call.infer()
        wanted = expected.get(called.number(call, answer))
        if wanted is None:
            raise VerificationError(f"{call.name} is called with other tensors; {DEFECT}")
        for one, tensor in zip(wanted, keras.tree.flatten(answer), strict=True):
            if one is not None:
                worst.append(_compare(call.name, one, _to_array(tensor, None)))
        return answer

    replay(small, inputs, compare)
    return max(worst)


class CallNumbers:
    """Numbers the calls of a model by the layer and where its tensors come from.

    Keras may list the calls of a layer that is shared in another order in the smaller model: the order of calls does
    not tell them apart, but their numbers do, which are those of the same calls of any model with the same `numbers`.
    """

    def __init__(self, numbers: dict[CallKey, int], inputs: Sequence[Tensor]) -> None:
        self.numbers = numbers
        self.sources = {id(tensor): (-1, position) for position, tensor in enumerate(inputs)}
        self.tensors: list[Tensor] = []  # held, so that no other one gets the id of one that is gone

    def number(self, call: Call, answer: Tensor) -> int:
        """Return the number of a call that was answered so."""
        given = keras.tree.flatten((call.args, call.kwargs))
        key = (call.name, tuple(self.sources[id(one)] for one in given if id(one) in self.sources))
        number = self.numbers.setdefault(key, len(self.numbers))
        made = keras.tree.flatten(answer)
        self.sources.update((id(tensor), (number, position)) for position, tensor in enumerate(made))
        self.tensors += made
        return number


def _to_array(tensor: Tensor, left: tuple[int, Array] | None) -> Array | None:
    if not isinstance(tensor, tf.Tensor) or tensor.dtype == tf.string:
        return None
    array = tensor.numpy()
    return array if left is None else np.take(array, left[1], left[0])


def _compare(name: str, wanted: Array, found: Array | None) -> float:
    if found is None or found.shape != wanted.shape:
        shape = None if found is None else found.shape
        raise VerificationError(
            f"{name} makes {shape} instead of {wanted.shape} without the removed channels; {DEFECT}"
        )
    if not wanted.size:
        return 0.0
    tolerance = TOLERANCE if wanted.dtype.itemsize >= 4 else HALF_TOLERANCE
    one, other = wanted.astype(np.float64), found.astype(np.float64)
    both = np.isfinite(one)
    difference = float(np.max(np.abs(one - other), where=both, initial=0)) / max(
        1.0, float(np.max(np.abs(one), where=both, initial=0))
    )
    if not (difference <= tolerance and (both == np.isfinite(other)).all()):
        raise VerificationError(f"{name} differs by {difference:.1e} without the removed channels; {DEFECT}")
    return difference


DEFECT = "that is a defect of tfopt, please report it; nothing was written"
