"""Layers of several tensors: sums and products join them channel by channel, a concatenation lines channels up."""

from collections.abc import Sequence

import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import LayerCall, TracedTensor, Untraceable
from tfopt.graph.channels.union_find import FIXED


def merge(call: LayerCall) -> Channels | None:
    """Follow Add, Multiply and their like, of tensors with equally many axes."""
    if len({len(x.shape) for x in call.given}) > 1:
        raise Untraceable("tensors with different numbers of axes")
    return broadcast(call)


def broadcast(call: LayerCall) -> Channels | None:
    """Join numbers at the same place; sizes of 1 are stretched, as numpy broadcasts."""
    rank = len(call.shape)
    tracked = [x for x in call.given if x.channels is not None]
    if not tracked:
        return None
    axes = {x.channels.axis + rank - len(x.shape) for x in tracked if x.channels}
    if len(axes) > 1:
        raise Untraceable("channels along different axes meet")
    [axis] = axes
    size = call.shape[axis]
    meeting = [_ids_along(x, axis - rank + len(x.shape)) for x in _check_arguments(call)]
    wide = [ids for ids in meeting if len(ids) == size]
    for ids in meeting:
        if len(ids) != size:  # one channel for all
            call.tracker.ids.freeze(ids, f"one is stretched over many channels by {call.name}")
        else:
            call.tracker.ids.join(wide[0], ids)
    return Channels(axis, wide[0])


def _check_arguments(call: LayerCall) -> Sequence[TracedTensor]:
    """Return the tensors; raise `Untraceable` for arrays among the arguments, whose channels are no weights."""
    arguments = [*call.original.args, *call.original.kwargs.values()]
    if any(np.ndim(one) for one in arguments if hasattr(one, "__array__")):
        raise Untraceable("a constant array")
    return call.given


def _ids_along(x: TracedTensor, axis: int) -> np.ndarray:
    if x.channels is not None:
        return x.channels.ids
    size = x.shape[axis] if axis >= 0 else 1
    return np.full(size or 0, FIXED)


def concatenate(call: LayerCall) -> Channels | None:
    """Follow Concatenate: channels side by side, or the same channels one after the other."""
    axis = call.layer.axis % len(call.shape)
    tracked = [x.channels for x in call.given if x.channels is not None]
    if not tracked:
        return None
    if {channels.axis for channels in tracked} == {axis}:
        return Channels(axis, np.concatenate([x.along(axis) for x in call.given]))
    other = tracked[0].axis
    for x in call.given:
        call.tracker.ids.join(tracked[0].ids, x.along(other))
    return tracked[0]
