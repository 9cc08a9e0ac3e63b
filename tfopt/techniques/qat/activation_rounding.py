"""Activations as 8-bit integers, with a range that is calibrated first and learnt then (LSQ+, arXiv:2004.09576).

A range holds 0, which an integer stands for exactly (the zero point): it is that of the calibrated range and stays,
while the step is trained as those of kernels are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfopt.errors import InputError
from tfopt.graph.model_io import compiled
from tfopt.graph.replay import Call, replay
from tfopt.runtime.progress import Advance
from tfopt.techniques.qat.quantized_tensors import Place
from tfopt.typing import Array, Tensor

ACTIVATION_INTEGERS = 255
BATCH = 32
LEAST_SPAN = 1e-6


class Range(NamedTuple):
    """The smallest and the largest number of a tensor."""

    low: float
    high: float


class ActivationRounding(keras.layers.Layer):
    """Rounds a tensor to 8 bits over a range whose width is learnt, unless it is `fixed`."""

    def __init__(self, calibrated: Range, *, fixed: bool = False, **options: object) -> None:
        super().__init__(**options)
        self.supports_masking = True
        step, self.zero_point = step_and_zero_point(calibrated)
        self.log_step = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(np.log(step)), trainable=not fixed, name="log_step"
        )
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the rounded tensor."""
        return round_activations(inputs, tf.convert_to_tensor(self.log_step), tf.constant(float(self.zero_point)))

    def range(self) -> Range:
        """Return the range as it is now."""
        step = float(np.exp(self.log_step.numpy()))
        return Range(-self.zero_point * step, (ACTIVATION_INTEGERS - self.zero_point) * step)


@tf.custom_gradient
def round_activations(x: Tensor, log_step: Tensor, zero_point: Tensor) -> Tensor:
    """Round activations to 8 bits: (q - zero_point) times a step, q from 0 to 255.

    TensorFlow's own operation does it in one pass, but its gradient lacks what rounding costs: here the gradient of the
    logarithm of the step is the sum of dy (y - x) between the limits and of dy y beyond them.

    Args:
        x: Activations.
        log_step: The logarithm of the step, a scalar.
        zero_point: The integer that stands for 0, a scalar float.

    Returns:
        The rounded activations, in the shape of x.
    """
    step = tf.exp(log_step)
    low, high = -zero_point * step, (ACTIVATION_INTEGERS - zero_point) * step
    y = tf.quantization.fake_quant_with_min_max_vars(x, low, high)

    def gradient(dy: Tensor) -> tuple[Tensor, Tensor, None]:
        dx, _, _ = tf.raw_ops.FakeQuantWithMinMaxVarsGradient(gradients=dy, inputs=x, min=low, max=high)
        return dx, _dot(dy, y) - _dot(dx, x), None

    return y, gradient


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return tf.tensordot(tf.reshape(a, [-1]), tf.reshape(b, [-1]), 1)


def step_and_zero_point(found: Range) -> tuple[float, int]:
    """Return the step and the zero point, from 0 to 255, of integers that cover a range and 0.

    >>> step_and_zero_point(Range(0.0, 25.5)), step_and_zero_point(Range(-5.0, 46.0))
    ((0.1, 0), (0.2, 25))
    """
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    step = max(high - low, LEAST_SPAN) / ACTIVATION_INTEGERS
    return step, round(-low / step)


def observe_ranges(
    model: keras.Model, places: Sequence[Place], inputs: Sequence[Array], advance: Advance
) -> dict[Place, Range]:
    """Find the range of tensors of a model, in inference; those that are always zero have none, and may learn one.

    Args:
        model: A model whose graph is known.
        places: Where the tensors are.
        inputs: Samples, an array (N, ...) for each input.
        advance: Is called with the number of samples of each batch.

    Raises:
        InputError: If a tensor holds NaN or infinity.
    """

    def extremes(tensors: Sequence[Tensor]) -> list[Tensor]:
        found = tensors_at(model, places, tensors)
        return [tf.stack([tf.reduce_min(found[place]), tf.reduce_max(found[place])]) for place in places]

    run, seen = compiled(extremes), []
    for start in range(0, len(inputs[0]), BATCH):
        seen.append([part.numpy() for part in run([tf.constant(x[start : start + BATCH]) for x in inputs])])
        advance(len(inputs[0][start : start + BATCH]))
    both = np.asarray(seen, np.float64)
    if not np.isfinite(both).all():
        raise InputError("the model computes NaN or infinity for samples of the calibration split: they have no range")
    ranges = {place: Range(both[:, at, 0].min(), both[:, at, 1].max()) for at, place in enumerate(places)}
    return {place: found for place, found in ranges.items() if found != Range(0.0, 0.0)}


def tensors_at(model: keras.Model, places: Sequence[Place], inputs: Sequence[Tensor]) -> dict[Place, Tensor]:
    """Run a model in inference and return its tensors at some places."""
    found: dict[Place, Tensor] = {place: inputs[place.position] for place in places if place.call < 0}
    wanted, number = {place.call for place in places}, -1

    def visit(call: Call) -> Tensor:
        nonlocal number
        number += 1
        outputs = call.infer()
        if number in wanted:
            for position, tensor in enumerate(keras.tree.flatten(outputs)):
                found[Place(number, position)] = tensor
        return outputs

    replay(model, list(inputs), visit)
    return found
