"""Layers that read all channels and make new ones: dense, convolutional and embedding layers."""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.elementwise import check_pointwise
from tfopt.graph.channels.tracker import CannotFollow, Site
from tfopt.graph.channels.union_find import FIXED

Made = Channels | None


def dense(site: Site) -> Made:
    """Dense: kernel (in, out)."""
    [x], layer = site.given, site.layer
    read = site.reads(x)
    site.cut(layer.kernel, 0, read, "reads")
    return _made(site, layer.units, "units", layer.kernel, -1)


def embedding(site: Site) -> Made:
    """Embedding: a row of the table (tokens, out) for each token."""
    layer = site.layer
    return _made(site, layer.output_dim, "output_dim", layer.embeddings, -1, activated=False)


def convolution(site: Site) -> Made:
    """A convolution: kernel (..., in of a group, out), the channels of a group side by side."""
    [x], layer = site.given, site.layer
    read = site.reads(x, site.channel_axis)
    groups = layer.groups
    if groups > 1 and groups == len(read):
        return _by_channel(site, read)
    # A position leaves all groups or none, so that they stay of one size.
    by_group = read.reshape(groups, -1)
    for others in by_group[1:]:
        site.ledger.ids.join(by_group[0], others)
    site.cut(layer.kernel, -2, by_group[0], "reads")
    made = site.made(layer.filters).reshape(groups, -1)
    for others in made[1:]:
        site.ledger.ids.join(made[0], others)
    return _made(site, layer.filters, "filters", layer.kernel, -1)


def _by_channel(site: Site, read: np.ndarray) -> Made:
    """A group for each channel: what is depthwise by another name."""
    layer = site.layer
    channels = np.repeat(read, layer.filters // layer.groups)
    site.cut(layer.kernel, -1, channels, "follows")
    site.cut(layer.bias if layer.use_bias else None, 0, channels, "follows")
    site.size("filters", channels)
    site.size("groups", read)
    return _activated(site, channels)


def transposed(site: Site) -> Made:
    """A transposed convolution: kernel (..., out, in)."""
    [x], layer = site.given, site.layer
    if getattr(layer, "groups", 1) != 1:
        raise CannotFollow("a transposed convolution in groups")
    site.cut(layer.kernel, -1, site.reads(x, site.channel_axis), "reads")
    return _made(site, layer.filters, "filters", layer.kernel, -2)


def depthwise(site: Site) -> Made:
    """A depthwise convolution: kernel (..., in, multiplier); each channel makes `multiplier` of its own."""
    [x], layer = site.given, site.layer
    read = x.along(site.channel_axis)
    site.cut(layer.kernel, -2, read, "follows")
    channels = np.repeat(read, layer.depth_multiplier)
    site.cut(layer.bias if layer.use_bias else None, 0, channels, "follows")
    return _activated(site, channels)


def separable(site: Site) -> Made:
    """A depthwise convolution and one of size 1 after it."""
    [x], layer = site.given, site.layer
    read = site.reads(x, site.channel_axis)
    site.cut(layer.depthwise_kernel, -2, read, "follows")
    site.cut(layer.pointwise_kernel, -2, np.repeat(read, layer.depth_multiplier), "reads")
    return _made(site, layer.filters, "filters", layer.pointwise_kernel, -1)


def einsum(site: Site) -> Made:
    """EinsumDense: the letters of its equation say which axis of the kernel is read, made, or just goes along."""
    [x], layer = site.given, site.layer
    elided = layer.equation.startswith("...")
    given, kernel, result = layer.equation.replace("->", ",").replace("...", "").split(",")
    fresh = [letter for letter in kernel if letter in result and letter not in given]
    if layer.equation.count("...") != 2 * elided or len(fresh) != 1 or len(set(given)) != len(given):
        raise CannotFollow(f"the equation {layer.equation}")
    hidden = len(x.shape) - len(given)
    read = [letter for letter in kernel if letter in given and letter not in result]
    if x.channels is not None and (x.channels.axis < hidden or given[x.channels.axis - hidden] not in read):
        raise CannotFollow(f"channels along axis {x.channels.axis} in {layer.equation}")
    for letter in read:
        axis = given.index(letter) + hidden
        followed = x.channels is not None and x.channels.axis == axis
        ids = site.reads(x, axis) if followed else np.full(layer.kernel.shape[kernel.index(letter)], FIXED)
        site.cut(layer.kernel, kernel.index(letter), ids, "reads")
    [letter] = fresh
    position = result.index(letter)
    ids = site.made(layer.kernel.shape[kernel.index(letter)])
    site.cut(layer.kernel, kernel.index(letter), ids, "makes")
    if layer.bias is not None and letter in layer.bias_axes:
        # The bias has an axis for each letter from the first biased one on, of size 1 where it is not named.
        first = min(result.index(other) for other in layer.bias_axes)
        site.cut(layer.bias, position - first, ids, "follows")
    site.size("output_shape", ids, position - (not elided))
    return _activated(site, ids, position + hidden)


def _made(site: Site, count: int, key: str, kernel: keras.Variable, axis: int, *, activated: bool = True) -> Made:
    """New channels along an axis of the kernel, and in the bias."""
    layer = site.layer
    ids = site.made(count)
    site.cut(kernel, axis, ids, "makes")
    site.cut(getattr(layer, "bias", None) if activated else None, 0, ids, "follows")
    site.size(key, ids)
    where = 1 if getattr(layer, "data_format", None) == "channels_first" else len(site.shape) - 1
    return _activated(site, ids, where) if activated else Channels(where, ids)


def _activated(site: Site, ids: np.ndarray, axis: int | None = None) -> Made:
    """The channels after the activation, which all stay if it looks at several."""
    if axis is None:
        axis = site.channel_axis
    try:
        check_pointwise(site.layer.activation)
    except CannotFollow as reason:
        site.ledger.ids.freeze(ids, str(reason))
    return Channels(axis, ids)
