"""Groups: sets of channels that hang together in the same weights, as all filters of one layer do, and so compete."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfopt.graph.channels.channel_graph import ChannelGraph, Cut
from tfopt.typing import Array

Kind = Literal["filters", "units", "heads"]
HEADS_AXIS = 1  # of the kernels (in, heads, size) of query, key and value


@dataclass(frozen=True, eq=False)
class Group:
    """Sets of channels, named by their roots (n,), and the layers that make them and that have a number for each."""

    kind: Kind
    roots: Array
    makers: tuple[str, ...]
    followers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first layer that makes them, and how many others do."""
        others = len(self.makers) - 1
        return self.makers[0] + (f" and {others} more" if others else "")

    def matches(self, pattern: re.Pattern[str] | None) -> bool:
        """Whether the name of a layer that makes or follows these channels fits `pattern`."""
        return pattern is not None and any(map(pattern.search, (*self.makers, *self.followers)))


def groups(graph: ChannelGraph) -> list[Group]:
    """All groups, in the order in which the model makes them."""
    touched: dict[int, list[int]] = defaultdict(list)
    for index, cut in enumerate(graph.cuts):
        for root in np.unique(graph.roots[cut.ids]).tolist():
            touched[root].append(index)
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for root in sorted(touched):
        if root and any(graph.cuts[index].role == "makes" for index in touched[root]):
            alike[tuple(touched[root])].append(root)
    return [_group([graph.cuts[index] for index in indices], roots, graph) for indices, roots in alike.items()]


def _group(cuts: list[Cut], roots: list[int], graph: ChannelGraph) -> Group:
    makers = [cut for cut in cuts if cut.role == "makes"]
    return Group(
        _kind(makers, graph),
        np.array(roots),
        _names(makers),
        _names([cut for cut in cuts if cut.role == "follows"]),
        _names([cut for cut in cuts if cut.role == "reads"]),
    )


def _kind(makers: list[Cut], graph: ChannelGraph) -> Kind:
    kinds = {(graph.kinds[cut.layer], cut.axis) for cut in makers}
    if ("MultiHeadAttention", HEADS_AXIS) in kinds:
        return "heads"
    return "filters" if any("Conv" in kind for kind, _ in kinds) else "units"


def _names(cuts: list[Cut]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cut.layer for cut in cuts))
