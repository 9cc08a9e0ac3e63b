"""What only moves numbers: flattening, reshaping, transposing, repeating, slicing."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import CannotFollow, Shape, Site, Traced
from tfopt.typing import Array

MOST = 20_000_000  # numbers of a sample whose ids are laid out to be reshaped

Moved = Channels | None


def reshaped(x: Traced, shape: Shape) -> Moved:
    """Channels after a reshape to `shape`, batch first: they must lie along one axis again."""
    if x.channels is None:
        return None
    if x.channels.axis == len(x.shape) - 1 and shape[-1] == x.shape[-1]:
        return Channels(len(shape) - 1, x.channels.ids)  # whatever the sizes before it, which may be free
    before, after = [size or 0 for size in x.shape[1:]], [size or 0 for size in shape[1:]]
    if 0 in (*before, *after) or prod(before) > MOST:
        raise CannotFollow("a reshape of sizes that are not fixed")
    if prod(before) != prod(after):
        raise CannotFollow("a reshape that mixes samples")
    laid_out = _along(x.channels.ids, x.channels.axis, before).reshape(after)
    for axis in range(1, len(shape)):
        others = tuple(other for other in range(laid_out.ndim) if other != axis - 1)
        ids = laid_out.min(axis=others)
        if (laid_out == _along(ids, axis, after)).all():
            return Channels(axis, ids)
    raise CannotFollow("a reshape that spreads channels over several axes")


def _along(ids: Array, axis: int, sizes: Sequence[int]) -> Array:
    """The id of each number of a sample of these sizes, when channels lie along `axis` of the batch."""
    return np.broadcast_to(ids.reshape([-1 if index == axis - 1 else 1 for index in range(len(sizes))]), sizes)


def flatten(site: Site) -> Moved:
    """Flatten: each channel lies at several positions."""
    if site.layer.data_format == "channels_first":
        raise CannotFollow("channels first")
    return reshaped(site.given[0], site.shape)


def reshape_layer(site: Site) -> Moved:
    """Reshape: the size in its config goes along."""
    return _resized(site, "target_shape", site.layer.target_shape, 1)


def reshape_operation(site: Site) -> Moved:
    """keras.ops.reshape."""
    return _resized(site, "newshape", site.layer.newshape, 0)


def _resized(site: Site, key: str, target: Sequence[int], batch: int) -> Moved:
    channels = reshaped(site.given[0], site.shape)
    if channels is None:
        site.ledger.stick(site.name, f"{site.name} is also given channels that stay")
    elif target[channels.axis - batch] != -1:
        site.size(key, channels.ids, channels.axis - batch)
    return channels


def permute(site: Site) -> Moved:
    """Permute: axes in another order."""
    return _transposed(site.given[0], [0, *site.layer.dims])


def transpose(site: Site) -> Moved:
    """keras.ops.transpose."""
    [x] = site.given
    axes = site.layer.axes or range(len(x.shape))[::-1]
    return _transposed(x, [axis % len(x.shape) for axis in axes])


def _transposed(x: Traced, axes: Sequence[int]) -> Moved:
    return None if x.channels is None else Channels(list(axes).index(x.channels.axis), x.channels.ids)


def repeat_vector(site: Site) -> Moved:
    """RepeatVector: (N, C) becomes (N, n, C)."""
    [x] = site.given
    return None if x.channels is None else Channels(2, x.along(1))


def along_steps(site: Site) -> Moved:
    """Padding, cropping and upsampling of a sequence (N, T, C)."""
    [x] = site.given
    return None if x.channels is None else Channels(2, x.along(2))


def expand_dims(site: Site) -> Moved:
    """keras.ops.expand_dims: axes of size 1 come in."""
    [x] = site.given
    if x.channels is None:
        return None
    added = {axis % len(site.shape) for axis in np.atleast_1d(site.layer.axis)}
    old = [axis for axis in range(len(site.shape)) if axis not in added]
    return Channels(old[x.channels.axis], x.channels.ids)


def squeeze(site: Site) -> Moved:
    """keras.ops.squeeze: axes of size 1 go."""
    [x] = site.given
    axes = [axis for axis, size in enumerate(x.shape) if size == 1] if site.layer.axis is None else site.layer.axis
    return _without(x, np.atleast_1d(axes).tolist(), keep=False)


def reduced(site: Site) -> Moved:
    """keras.ops.mean and its like over other axes than that of the channels."""
    [x] = site.given
    axes = list(range(len(x.shape))) if site.layer.axis is None else np.atleast_1d(site.layer.axis).tolist()
    return _without(x, axes, keep=site.layer.keepdims)


def _without(x: Traced, axes: Sequence[int], *, keep: bool) -> Moved:
    if x.channels is None:
        return None
    gone = {axis % len(x.shape) for axis in axes}
    if x.channels.axis in gone:
        raise CannotFollow("it looks at all channels at once")
    return Channels(x.channels.axis - (0 if keep else sum(axis < x.channels.axis for axis in gone)), x.channels.ids)


def sliced(site: Site) -> Moved:
    """x[...]: slices, single positions and new axes beside that of the channels."""
    [x] = site.given
    if x.channels is None:
        return None
    key: Any = site.call.kwargs["key"] if "key" in site.call.kwargs else site.call.args[1]
    keys = list(key) if isinstance(key, tuple | list) else [key]
    if not all(one is None or one is Ellipsis or isinstance(one, int | slice) for one in keys):
        raise CannotFollow("slices by more than numbers")
    whole = [slice(None)] * (len(x.shape) - sum(one is not None and one is not Ellipsis for one in keys))
    where = next((index for index, one in enumerate(keys) if one is Ellipsis), len(keys))
    keys = [*keys[:where], *whole, *keys[where + 1 :]]
    axis = [index for index, one in enumerate(keys) if one is not None][x.channels.axis]
    if keys[axis] != slice(None):
        raise CannotFollow("a slice of the channels")
    return Channels(axis - sum(isinstance(one, int) for one in keys[:axis]), x.channels.ids)
