"""A layer whose kernels are stored as bits: written packed, unpacked once when it is loaded, called like any other.

The layer inside is an ordinary Keras layer with ordinary float weights, so that inference is as fast as without. Only
what is written differs: for each kernel its codes, packed, and a scale for each output channel.
"""

from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np

from tfopt.graph.kernels import find_kernels, to_kernel, to_matrix
from tfopt.graph.model_copy import LayerCopies, rebuild
from tfopt.graph.replay import Call
from tfopt.techniques.binarization.bit_packing import pack, unpack
from tfopt.techniques.rounding.levels import LIMITS, Levels, codes
from tfopt.typing import Array, Json, Tensor

TOLERANCE = 1e-6  # of a scale, by which a weight may miss the product of its code and the scale


@keras.saving.register_keras_serializable("tfopt")
class Packed(keras.layers.Layer):
    """Calls `layer`; `levels` says by the position of each kernel in `layer.weights` which values it has."""

    def __init__(self, layer: keras.Layer, levels: dict[str, Levels], **options: object) -> None:
        super().__init__(**{"name": layer.name, "trainable": False, **options})
        self.layer = layer
        self.layer.trainable = False  # a step of training would leave values that no bits stand for
        self.levels = dict(levels)
        self.supports_masking = True
        self.built = True

    def call(self, *args: Tensor, **kwargs: object) -> Tensor:
        """Return what the layer inside answers."""
        return self.layer(*args, **kwargs)

    def compute_output_spec(self, *args: Tensor, **kwargs: object) -> Tensor:
        """Shape and type of what the layer inside answers."""
        return self.layer.compute_output_spec(*args, **kwargs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Tensor:
        """The mask that the layer inside passes on."""
        return self.layer.compute_mask(inputs, previous_mask) if self.layer.supports_masking else None

    def save_own_variables(self, store: Any) -> None:
        """Write the weights of the layer inside, its kernels packed; raise `ValueError` if they have other values."""
        grains = {kernel.position: kernel.axes for kernel in find_kernels(self.layer)}
        for position, weight in enumerate(self.layer.weights):
            key = str(position)
            if key not in self.levels:
                store[key] = weight.numpy()
                continue
            matrix = to_matrix(weight.numpy(), grains[position])
            levels = self.levels[key]
            scale = exact_scales(matrix, levels)
            chosen = codes(matrix, scale, levels)
            if np.abs(chosen * scale - matrix).max(initial=0) > TOLERANCE * max(np.abs(matrix).max(initial=0), 1e-30):
                raise ValueError(f"{weight.path} has other values than {levels} weights have")
            store[key] = pack(chosen, levels)
            store[f"{key}_scale"] = scale.astype(np.float32)

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote; raise `ValueError` if it does not fit."""
        grains = {kernel.position: kernel.axes for kernel in find_kernels(self.layer)}
        for position, weight in enumerate(self.layer.weights):
            key, shape = str(position), tuple(weight.shape)
            if key not in self.levels:
                weight.assign(store[key])
                continue
            size = as_shape(shape, grains[position])
            chosen = unpack(np.asarray(store[key]), size, self.levels[key])
            scale = np.asarray(store[f"{key}_scale"])
            weight.assign(to_kernel(chosen * scale, shape, grains[position]))

    def __dir__(self) -> list[str]:
        """Without the layer inside, whose weights Keras would write once more: it looks for them by `dir`."""
        return [name for name in super().__dir__() if name != "layer"]

    def get_config(self) -> Json:
        """The layer inside, with what it was built for, and the values of its kernels."""
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "levels": self.levels,
        }

    @classmethod
    def from_config(cls, config: Json) -> Self:
        """The layer inside is built at once, so that its weights are there to be read."""
        return cls(keras.saving.deserialize_keras_object(config.pop("layer")), **config)


def fresh_copy(layer: keras.Layer, name: str) -> keras.Layer | None:
    """A copy of a built layer that is built from its config alone, as it is when it is loaded; None if it is not."""
    copy = type(layer).from_config({**layer.get_config(), "name": name})
    config = layer.get_build_config()
    if config and not copy.built:
        copy.build_from_config(config)
    if [weight.shape for weight in copy.weights] != [weight.shape for weight in layer.weights]:
        return None
    copy.set_weights(layer.get_weights())
    return copy


def packed(model: keras.Model, levels: Mapping[str, Levels], title: str) -> keras.Model:
    """A copy of `model` whose layers in `levels`, all of which have a `fresh_copy`, store bits."""

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        if call.name not in levels:
            return copies.call(call)
        return copies.of(call, lambda name: _packed(call.operation, name, levels[call.name]))(*call.args, **call.kwargs)

    return rebuild(model, title, visit)


def _packed(layer: keras.Layer, name: str, levels: Levels) -> Packed:
    copy = fresh_copy(layer, name)
    assert copy is not None, name
    return Packed(copy, {str(k.position): "int8" if k.depthwise else levels for k in find_kernels(copy)})


def exact_scales(matrix: Array, levels: Levels) -> Array:
    """The scale (C,) of a kernel (K, C) that is rounded already: its largest magnitude, over 127 for 8 bits."""
    return np.asarray(np.abs(matrix).max(axis=0, initial=0) / LIMITS[levels][1])


def as_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int]:
    """Shape (K, C) of a kernel of this shape as a matrix."""
    channels = int(np.prod([shape[axis] for axis in axes]))
    return int(np.prod(shape)) // channels, channels
