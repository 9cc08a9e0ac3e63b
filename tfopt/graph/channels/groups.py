"""Groups: sets of channels that hang together in the same weights, as all filters of one layer do, and so compete."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfopt.graph.channels.channel_graph import ChannelGraph, WeightSlices
from tfopt.typing import Array

Kind = Literal["filters", "units", "heads"]
HEADS_AXIS = 1  # of the kernels (in, heads, size) of query, key and value


@dataclass(frozen=True, eq=False)
class ChannelGroup:
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
        """Tell whether the name of a layer that makes or follows these channels fits `pattern`."""
        return pattern is not None and any(map(pattern.search, (*self.makers, *self.followers)))


def find_groups(graph: ChannelGraph) -> list[ChannelGroup]:
    """Find all groups, in the order in which the model makes them."""
    touched: dict[int, list[int]] = defaultdict(list)
    for index, slices in enumerate(graph.weight_slices):
        for root in np.unique(graph.roots[slices.ids]).tolist():
            touched[root].append(index)
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for root in sorted(touched):
        if root and any(graph.weight_slices[index].role == "makes" for index in touched[root]):
            alike[tuple(touched[root])].append(root)
    return [
        _make_group([graph.weight_slices[index] for index in indices], roots, graph) for indices, roots in alike.items()
    ]


def _make_group(found: list[WeightSlices], roots: list[int], graph: ChannelGraph) -> ChannelGroup:
    makers = [slices for slices in found if slices.role == "makes"]
    return ChannelGroup(
        _kind(makers, graph),
        np.array(roots),
        _layer_names(makers),
        _layer_names([slices for slices in found if slices.role == "follows"]),
        _layer_names([slices for slices in found if slices.role == "reads"]),
    )


def _kind(makers: list[WeightSlices], graph: ChannelGraph) -> Kind:
    kinds = {(graph.kinds[slices.layer], slices.axis) for slices in makers}
    if ("MultiHeadAttention", HEADS_AXIS) in kinds:
        return "heads"
    return "filters" if any("Conv" in kind for kind, _ in kinds) else "units"


def _layer_names(found: list[WeightSlices]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slices.layer for slices in found))
