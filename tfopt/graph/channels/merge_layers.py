"""What takes several tensors: sums and products join them channel by channel, a concatenation lines channels up."""

from collections.abc import Sequence

import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import CannotFollow, Site, Traced
from tfopt.graph.channels.union_find import FIXED

Merged = Channels | None


def merge_layer(site: Site) -> Merged:
    """Add, Multiply and their like, of tensors with equally many axes."""
    if len({len(x.shape) for x in site.given}) > 1:
        raise CannotFollow("tensors with different numbers of axes")
    return elementwise(site)


def elementwise(site: Site) -> Merged:
    """Numbers at the same place meet; sizes of 1 are stretched, as numpy broadcasts."""
    rank = len(site.shape)
    tracked = [x for x in site.given if x.channels is not None]
    if not tracked:
        return None
    axes = {x.channels.axis + rank - len(x.shape) for x in tracked if x.channels}
    if len(axes) > 1:
        raise CannotFollow("channels along different axes meet")
    [axis] = axes
    size = site.shape[axis]
    meeting = [_at(x, axis - rank + len(x.shape)) for x in _all(site)]
    wide = [ids for ids in meeting if len(ids) == size]
    for ids in meeting:
        if len(ids) != size:  # one channel for all
            site.ledger.ids.freeze(ids, f"one is stretched over many channels by {site.name}")
        else:
            site.ledger.ids.join(wide[0], ids)
    return Channels(axis, wide[0])


def _all(site: Site) -> Sequence[Traced]:
    """Also arrays among the arguments: numbers for each channel that are no weights, so that all must stay."""
    arguments = [*site.call.args, *site.call.kwargs.values()]
    if any(np.ndim(one) for one in arguments if hasattr(one, "__array__")):
        raise CannotFollow("a constant array")
    return site.given


def _at(x: Traced, axis: int) -> np.ndarray:
    if x.channels is not None:
        return x.channels.ids
    size = x.shape[axis] if axis >= 0 else 1
    return np.full(size or 0, FIXED)


def concatenated(site: Site) -> Merged:
    """Concatenate: channels side by side, or the same channels one after the other."""
    axis = site.layer.axis % len(site.shape)
    tracked = [x.channels for x in site.given if x.channels is not None]
    if not tracked:
        return None
    if {channels.axis for channels in tracked} == {axis}:
        return Channels(axis, np.concatenate([x.along(axis) for x in site.given]))
    other = tracked[0].axis
    for x in site.given:
        site.ledger.ids.join(tracked[0].ids, x.along(other))
    return tracked[0]
