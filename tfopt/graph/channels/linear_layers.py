"""Layers that read all channels and make new ones: dense, convolutional and embedding layers."""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.elementwise import check_pointwise
from tfopt.graph.channels.tracker import LayerCall, Untraceable
from tfopt.graph.channels.union_find import FIXED


def dense(call: LayerCall) -> Channels | None:
    """Follow Dense: kernel (in, out)."""
    [x], layer = call.given, call.layer
    read = call.read_ids(x)
    call.mark_weight(layer.kernel, 0, read, "reads")
    return _make_channels(call, layer.units, "units", layer.kernel, -1)


def embedding(call: LayerCall) -> Channels | None:
    """Follow Embedding: a row of the table (tokens, out) for each token."""
    layer = call.layer
    return _make_channels(call, layer.output_dim, "output_dim", layer.embeddings, -1, activated=False)


def convolution(call: LayerCall) -> Channels | None:
    """Follow a convolution: kernel (..., in of a group, out), the channels of a group side by side."""
    [x], layer = call.given, call.layer
    read = call.read_ids(x, call.channel_axis)
    groups = layer.groups
    if groups > 1 and groups == len(read):
        return _follow_depthwise(call, read)
    # A position leaves all groups or none, so that they stay of one size.
    by_group = read.reshape(groups, -1)
    for others in by_group[1:]:
        call.tracker.ids.join(by_group[0], others)
    call.mark_weight(layer.kernel, -2, by_group[0], "reads")
    made = call.new_ids(layer.filters).reshape(groups, -1)
    for others in made[1:]:
        call.tracker.ids.join(made[0], others)
    return _make_channels(call, layer.filters, "filters", layer.kernel, -1)


def _follow_depthwise(call: LayerCall, read: np.ndarray) -> Channels | None:
    """Follow a convolution with a group for each channel: it is depthwise by another name."""
    layer = call.layer
    channels = np.repeat(read, layer.filters // layer.groups)
    call.mark_weight(layer.kernel, -1, channels, "follows")
    call.mark_weight(layer.bias if layer.use_bias else None, 0, channels, "follows")
    call.mark_size("filters", channels)
    call.mark_size("groups", read)
    return _activate(call, channels)


def transposed(call: LayerCall) -> Channels | None:
    """Follow a transposed convolution: kernel (..., out, in)."""
    [x], layer = call.given, call.layer
    if getattr(layer, "groups", 1) != 1:
        raise Untraceable("a transposed convolution in groups")
    call.mark_weight(layer.kernel, -1, call.read_ids(x, call.channel_axis), "reads")
    return _make_channels(call, layer.filters, "filters", layer.kernel, -2)


def depthwise(call: LayerCall) -> Channels | None:
    """Follow a depthwise convolution: kernel (..., in, multiplier); each channel makes `multiplier` of its own."""
    [x], layer = call.given, call.layer
    read = x.along(call.channel_axis)
    call.mark_weight(layer.kernel, -2, read, "follows")
    channels = np.repeat(read, layer.depth_multiplier)
    call.mark_weight(layer.bias if layer.use_bias else None, 0, channels, "follows")
    return _activate(call, channels)


def separable(call: LayerCall) -> Channels | None:
    """Follow a depthwise convolution and one of size 1 after it."""
    [x], layer = call.given, call.layer
    read = call.read_ids(x, call.channel_axis)
    call.mark_weight(layer.depthwise_kernel, -2, read, "follows")
    call.mark_weight(layer.pointwise_kernel, -2, np.repeat(read, layer.depth_multiplier), "reads")
    return _make_channels(call, layer.filters, "filters", layer.pointwise_kernel, -1)


def einsum(call: LayerCall) -> Channels | None:
    """Follow EinsumDense: the letters of its equation say which axis of the kernel is read, made, or goes along."""
    [x], layer = call.given, call.layer
    elided = layer.equation.startswith("...")
    given, kernel, result = layer.equation.replace("->", ",").replace("...", "").split(",")
    fresh = [letter for letter in kernel if letter in result and letter not in given]
    if layer.equation.count("...") != 2 * elided or len(fresh) != 1 or len(set(given)) != len(given):
        raise Untraceable(f"the equation {layer.equation}")
    hidden = len(x.shape) - len(given)
    read = [letter for letter in kernel if letter in given and letter not in result]
    if x.channels is not None and (x.channels.axis < hidden or given[x.channels.axis - hidden] not in read):
        raise Untraceable(f"channels along axis {x.channels.axis} in {layer.equation}")
    for letter in read:
        axis = given.index(letter) + hidden
        followed = x.channels is not None and x.channels.axis == axis
        ids = call.read_ids(x, axis) if followed else np.full(layer.kernel.shape[kernel.index(letter)], FIXED)
        call.mark_weight(layer.kernel, kernel.index(letter), ids, "reads")
    [letter] = fresh
    position = result.index(letter)
    ids = call.new_ids(layer.kernel.shape[kernel.index(letter)])
    call.mark_weight(layer.kernel, kernel.index(letter), ids, "makes")
    if layer.bias is not None and letter in layer.bias_axes:
        # The bias has an axis for each letter from the first biased one on, of size 1 where it is not named.
        first = min(result.index(other) for other in layer.bias_axes)
        call.mark_weight(layer.bias, position - first, ids, "follows")
    call.mark_size("output_shape", ids, position - (not elided))
    return _activate(call, ids, position + hidden)


def _make_channels(
    call: LayerCall, count: int, key: str, kernel: keras.Variable, axis: int, *, activated: bool = True
) -> Channels | None:
    """Make new channels along an axis of the kernel, and in the bias."""
    layer = call.layer
    ids = call.new_ids(count)
    call.mark_weight(kernel, axis, ids, "makes")
    call.mark_weight(getattr(layer, "bias", None) if activated else None, 0, ids, "follows")
    call.mark_size(key, ids)
    where = 1 if getattr(layer, "data_format", None) == "channels_first" else len(call.shape) - 1
    return _activate(call, ids, where) if activated else Channels(where, ids)


def _activate(call: LayerCall, ids: np.ndarray, axis: int | None = None) -> Channels | None:
    """Return the channels after the activation, which all stay if it looks at several."""
    if axis is None:
        axis = call.channel_axis
    try:
        check_pointwise(call.layer.activation)
    except Untraceable as reason:
        call.tracker.ids.freeze(ids, str(reason))
    return Channels(axis, ids)
