"""Layers and operations that only move numbers: flattening, reshaping, transposing, repeating, slicing."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import LayerCall, Shape, TracedTensor, Untraceable
from tfopt.typing import Array

MOST_ELEMENTS = 20_000_000  # numbers of a sample whose ids are laid out to be reshaped


def follow_reshape(x: TracedTensor, shape: Shape) -> Channels | None:
    """Return the channels after a reshape to `shape`, batch first: they must lie along one axis again."""
    if x.channels is None:
        return None
    if x.channels.axis == len(x.shape) - 1 and shape[-1] == x.shape[-1]:
        return Channels(len(shape) - 1, x.channels.ids)  # whatever the sizes before it, which may be free
    before, after = [size or 0 for size in x.shape[1:]], [size or 0 for size in shape[1:]]
    if 0 in (*before, *after) or prod(before) > MOST_ELEMENTS:
        raise Untraceable("a reshape of sizes that are not fixed")
    if prod(before) != prod(after):
        raise Untraceable("a reshape that mixes samples")
    laid_out = _spread_ids(x.channels.ids, x.channels.axis, before).reshape(after)
    for axis in range(1, len(shape)):
        others = tuple(other for other in range(laid_out.ndim) if other != axis - 1)
        ids = laid_out.min(axis=others)
        if (laid_out == _spread_ids(ids, axis, after)).all():
            return Channels(axis, ids)
    raise Untraceable("a reshape that spreads channels over several axes")


def _spread_ids(ids: Array, axis: int, sizes: Sequence[int]) -> Array:
    """Return the id of each number of a sample of these sizes, when channels lie along `axis` of the batch."""
    return np.broadcast_to(ids.reshape([-1 if index == axis - 1 else 1 for index in range(len(sizes))]), sizes)


def flatten(call: LayerCall) -> Channels | None:
    """Follow Flatten: each channel lies at several positions."""
    if call.layer.data_format == "channels_first":
        raise Untraceable("channels first")
    return follow_reshape(call.given[0], call.shape)


def reshape_layer(call: LayerCall) -> Channels | None:
    """Follow Reshape: the size in its config goes along."""
    return _reshape(call, "target_shape", call.layer.target_shape, 1)


def reshape_operation(call: LayerCall) -> Channels | None:
    """Follow keras.ops.reshape."""
    return _reshape(call, "newshape", call.layer.newshape, 0)


def _reshape(call: LayerCall, key: str, target: Sequence[int], batch: int) -> Channels | None:
    channels = follow_reshape(call.given[0], call.shape)
    if channels is None:
        call.tracker.pin(call.name, f"{call.name} is also given channels that stay")
    elif target[channels.axis - batch] != -1:
        call.mark_size(key, channels.ids, channels.axis - batch)
    return channels


def permute(call: LayerCall) -> Channels | None:
    """Follow Permute: axes in another order."""
    return _transpose(call.given[0], [0, *call.layer.dims])


def transpose(call: LayerCall) -> Channels | None:
    """Follow keras.ops.transpose."""
    [x] = call.given
    axes = call.layer.axes or range(len(x.shape))[::-1]
    return _transpose(x, [axis % len(x.shape) for axis in axes])


def _transpose(x: TracedTensor, axes: Sequence[int]) -> Channels | None:
    return None if x.channels is None else Channels(list(axes).index(x.channels.axis), x.channels.ids)


def repeat_vector(call: LayerCall) -> Channels | None:
    """Follow RepeatVector: (N, C) becomes (N, n, C)."""
    [x] = call.given
    return None if x.channels is None else Channels(2, x.along(1))


def resize_steps(call: LayerCall) -> Channels | None:
    """Follow padding, cropping and upsampling of a sequence (N, T, C)."""
    [x] = call.given
    return None if x.channels is None else Channels(2, x.along(2))


def expand_dims(call: LayerCall) -> Channels | None:
    """Follow keras.ops.expand_dims: axes of size 1 come in."""
    [x] = call.given
    if x.channels is None:
        return None
    added = {axis % len(call.shape) for axis in np.atleast_1d(call.layer.axis)}
    old = [axis for axis in range(len(call.shape)) if axis not in added]
    return Channels(old[x.channels.axis], x.channels.ids)


def squeeze(call: LayerCall) -> Channels | None:
    """Follow keras.ops.squeeze: axes of size 1 go."""
    [x] = call.given
    axes = [axis for axis, size in enumerate(x.shape) if size == 1] if call.layer.axis is None else call.layer.axis
    return _drop_axes(x, np.atleast_1d(axes).tolist(), keep=False)


def reduce(call: LayerCall) -> Channels | None:
    """Follow keras.ops.mean and its like over other axes than that of the channels."""
    [x] = call.given
    axes = list(range(len(x.shape))) if call.layer.axis is None else np.atleast_1d(call.layer.axis).tolist()
    return _drop_axes(x, axes, keep=call.layer.keepdims)


def _drop_axes(x: TracedTensor, axes: Sequence[int], *, keep: bool) -> Channels | None:
    if x.channels is None:
        return None
    gone = {axis % len(x.shape) for axis in axes}
    if x.channels.axis in gone:
        raise Untraceable("it looks at all channels at once")
    return Channels(x.channels.axis - (0 if keep else sum(axis < x.channels.axis for axis in gone)), x.channels.ids)


def slice_tensor(call: LayerCall) -> Channels | None:
    """Follow x[...]: slices, single positions and new axes beside that of the channels."""
    [x] = call.given
    if x.channels is None:
        return None
    key: Any = call.original.kwargs["key"] if "key" in call.original.kwargs else call.original.args[1]
    keys = list(key) if isinstance(key, tuple | list) else [key]
    if not all(one is None or one is Ellipsis or isinstance(one, int | slice) for one in keys):
        raise Untraceable("slices by more than numbers")
    whole = [slice(None)] * (len(x.shape) - sum(one is not None and one is not Ellipsis for one in keys))
    where = next((index for index, one in enumerate(keys) if one is Ellipsis), len(keys))
    keys = [*keys[:where], *whole, *keys[where + 1 :]]
    axis = [index for index, one in enumerate(keys) if one is not None][x.channels.axis]
    if keys[axis] != slice(None):
        raise Untraceable("a slice of the channels")
    return Channels(axis - sum(isinstance(one, int) for one in keys[:axis]), x.channels.ids)
