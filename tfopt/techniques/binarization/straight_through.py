"""Training with rounded weights: the forward pass sees few values, the gradient passes to the full ones behind them.

The latent weights are rounded anew in every step, and the gradient of the rounded weight is taken for that of the
latent one (straight-through estimator), unless the latent weight has left [-clip, clip], where it would no longer
change its sign (BinaryConnect, Courbariaux et al. 2015, arXiv:1511.00363; BinaryNet, 2016, arXiv:1602.02830).
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import ops

from tfopt.graph.stateless_call import call_with_weights
from tfopt.techniques.rounding.levels import Levels
from tfopt.typing import Tensor

CLIP = 3.0  # times the mean magnitude of the weights of a channel
TERNARY_THRESHOLD = 0.7  # of the mean magnitude (Li et al. 2016, eq. 6)


class Latent(NamedTuple):
    """A weight that is trained at full precision and used rounded; `axes` are those of its output channels."""

    weight: keras.Variable
    levels: Levels
    axes: tuple[int, ...]

    def rounded(self) -> Tensor:
        """The weight with the values that the forward pass sees."""
        mean = _mean(self.weight, self.inputs)
        if self.levels == "binary":
            return mean * ops.where(self.weight < 0, -1.0, 1.0)
        large = ops.cast(ops.abs(self.weight) > TERNARY_THRESHOLD * mean, self.weight.dtype)
        count = ops.maximum(ops.sum(large, axis=self.inputs, keepdims=True), 1.0)
        scale = ops.sum(ops.abs(self.weight) * large, axis=self.inputs, keepdims=True) / count
        return scale * ops.sign(self.weight) * large

    def straight_through(self) -> Tensor:
        """The rounded weight, whose gradient passes to the latent one."""
        limit = ops.stop_gradient(CLIP * _mean(self.weight, self.inputs))
        clipped = ops.clip(self.weight, -limit, limit)
        return clipped + ops.stop_gradient(self.rounded() - clipped)

    @property
    def inputs(self) -> list[int]:
        """The axes of the input weights."""
        return [axis for axis in range(len(self.weight.shape)) if axis not in self.axes]


def _mean(weight: Tensor, axes: list[int]) -> Tensor:
    """Mean magnitude over `axes`."""
    return ops.mean(ops.abs(weight), axis=axes, keepdims=True)


class Rounding(keras.layers.Layer):
    """Calls a model with the rounded values of its latent weights; penalties that its layers add are left out."""

    def __init__(self, model: keras.Model, latents: Sequence[Latent], **options: object) -> None:
        super().__init__(**options)
        self.model = model
        self._latents = list(latents)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Outputs of the model; what it updates itself, such as the statistics of normalizations, is updated."""
        rounded = [(latent.weight, latent.straight_through()) for latent in self._latents]
        return call_with_weights(self.model, rounded, lambda: self.model(inputs, training=training), training=training)


def wrapped(model: keras.Model, latents: Sequence[Latent]) -> keras.Model:
    """A model that trains `model`, its weights, in place."""
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name), model.input
    )
    return keras.Model(inputs, Rounding(model, latents)(inputs), name=f"{model.name}_rounding")
