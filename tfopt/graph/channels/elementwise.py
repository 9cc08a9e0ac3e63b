"""Layers with a number for each channel, or none: what comes out are the channels that went in.

That holds for activations that look at each number by itself, for normalizations by channel, pooling and dropout.
"""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import LayerCall, Untraceable

POINTWISE_NAMES = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "sigmoid", "tanh", "softplus",
    "softsign", "exponential", "mish", "log_sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink",
    "soft_shrink", "tanh_shrink", "threshold", "squareplus", "sparse_plus",
)  # fmt: skip
POINTWISE = {getattr(keras.activations, name) for name in POINTWISE_NAMES}
POINTWISE_LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)


def check_pointwise(*activations: object) -> None:
    """Raise `Untraceable` if one of the activations is not known to look at each number by itself; softmax does not."""
    for activation in activations:
        if activation not in POINTWISE and type(activation) not in POINTWISE_LAYERS:
            name = getattr(activation, "__name__", type(activation).__name__)
            raise Untraceable(f"its activation, {name}, looks at all channels at once")


def unchanged(call: LayerCall) -> Channels | None:
    """Follow Dropout and its like: nothing happens to channels."""
    return call.given[0].channels


def activation(call: LayerCall) -> Channels | None:
    """Follow an activation that looks at each number by itself."""
    if type(call.layer) not in POINTWISE_LAYERS:
        check_pointwise(call.layer.activation)
    return call.given[0].channels


def softmax(call: LayerCall) -> Channels | None:
    """Follow a softmax over other axes than that of the channels."""
    [x] = call.given
    axes = np.atleast_1d(call.layer.axis) % len(x.shape)
    if x.channels is not None and x.channels.axis in axes:
        raise Untraceable("a softmax looks at all channels at once")
    return x.channels


def rescaling(call: LayerCall) -> Channels | None:
    """Follow Rescaling with one scale and one offset for all."""
    if np.ndim(call.layer.scale) or np.ndim(call.layer.offset):
        raise Untraceable("a scale for each channel")
    return call.given[0].channels


def prelu(call: LayerCall) -> Channels | None:
    """Follow PReLU: a slope (...) for each position, but for those that share one."""
    [x] = call.given
    if x.channels is None:
        call.tracker.pin(call.name, f"{call.name} is also given channels that stay")
        return None
    if call.layer.alpha.shape[x.channels.axis - 1] != 1:
        call.mark_weight(call.layer.alpha, x.channels.axis - 1, x.channels.ids, "follows")
    return x.channels


def batch_normalization(call: LayerCall) -> Channels | None:
    """Follow BatchNormalization: four numbers a channel."""
    [x] = call.given
    if x.channels is None:
        call.tracker.pin(call.name, f"{call.name} is also given channels that stay")
        return None
    for weight in call.layer.weights:
        call.mark_weight(weight, 0, x.along(call.layer.axis), "follows")
    return x.channels


def layer_normalization(call: LayerCall) -> Channels | None:
    """Follow LayerNormalization and RMSNormalization: the mean over channels changes with their number, so all stay."""
    [x] = call.given
    axes = np.atleast_1d(call.layer.axis) % len(x.shape)
    if x.channels is not None and x.channels.axis in axes:
        raise Untraceable("it normalizes over all channels: their number counts")
    return x.channels


def group_normalization(call: LayerCall) -> Channels | None:
    """Follow GroupNormalization: a group leaves whole, as the others do not look at it."""
    [x], layer = call.given, call.layer
    if x.channels is None:
        call.tracker.pin(call.name, f"{call.name} is also given channels that stay")
        return None
    ids = x.along(layer.axis)
    for weight in layer.weights:
        call.mark_weight(weight, 0, ids, "follows")
    groups = len(ids) if layer.groups == -1 else layer.groups
    members = ids.reshape(groups, -1)
    for column in members.T[1:]:
        call.tracker.ids.join(members[:, 0], column)
    call.mark_size("groups", members[:, 0])
    return x.channels


def spatial(call: LayerCall) -> Channels | None:
    """Follow pooling, padding, cropping and resizing along every axis but that of the channels."""
    [x] = call.given
    return None if x.channels is None else Channels(x.channels.axis, x.along(call.channel_axis))


def global_pooling(call: LayerCall) -> Channels | None:
    """Follow global pooling: the other axes go, or have size 1."""
    [x] = call.given
    if x.channels is None:
        return None
    ids = x.along(call.channel_axis)
    return Channels(x.channels.axis if call.layer.keepdims else 1, ids)


UNCHANGED_LAYERS = (
    keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D, keras.layers.SpatialDropout3D,
    keras.layers.AlphaDropout, keras.layers.GaussianDropout, keras.layers.GaussianNoise, keras.layers.Identity,
    keras.layers.ActivityRegularization,
)  # fmt: skip
SPATIAL_LAYERS = (
    keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.MaxPooling3D, keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D, keras.layers.AveragePooling3D, keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D, keras.layers.Cropping2D, keras.layers.Cropping3D, keras.layers.UpSampling2D,
    keras.layers.UpSampling3D, keras.layers.Resizing,
)  # fmt: skip
GLOBAL_POOLING_LAYERS = (
    keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D, keras.layers.GlobalMaxPooling3D,
    keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalAveragePooling3D,
)  # fmt: skip
