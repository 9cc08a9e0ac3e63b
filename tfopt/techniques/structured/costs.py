"""The cost of a model with fewer channels is counted without building it."""

from collections import defaultdict
from dataclasses import dataclass
from math import prod
from typing import Self

import keras

from tfopt.evaluation.keras_macs import keras_macs, layer_macs
from tfopt.graph.channels.channel_graph import ChannelGraph, WeightSlices
from tfopt.graph.layer_names import named_layers
from tfopt.typing import Array


@dataclass(frozen=True)
class Costs:
    """The shapes of all weights with their slices by channel, each layer's MACs, and the MACs that are in no layer."""

    shapes: dict[str, list[tuple[int, ...]]]
    by_layer: dict[str, list[WeightSlices]]
    macs: dict[str, int]
    elsewhere: int

    @classmethod
    def of(cls, model: keras.Model, graph: ChannelGraph) -> Self:
        """The costs of `model`; without MACs where they cannot be counted."""
        shapes: dict[str, list[tuple[int, ...]]] = {}
        seen: set[int] = set()
        for name, layer in named_layers(model):
            if id(layer) not in seen:
                shapes[name] = [tuple(weight.shape) for weight in layer.weights]
                seen.add(id(layer))
        by_layer: dict[str, list[WeightSlices]] = defaultdict(list)
        for slices in graph.weight_slices:
            by_layer[slices.layer].append(slices)
        macs = layer_macs(model) or {}
        return cls(shapes, dict(by_layer), macs, (keras_macs(model) or 0) - sum(macs.values()))

    def parameters(self, kept: Array) -> int:
        """The number of weights with the channels that are `kept`."""
        return sum(sum(self._sizes(name, kept)) for name in self.shapes)

    def multiplications(self, kept: Array) -> float:
        """The MACs: of a layer as many times fewer as its kernels get smaller, which attention alone does not obey."""
        total = float(self.elsewhere)
        for name, macs in self.macs.items():
            shapes = self.shapes.get(name, [])
            full = sum(prod(shape) for shape in shapes if len(shape) > 1)
            left = sum(size for size, shape in zip(self._sizes(name, kept), shapes, strict=False) if len(shape) > 1)
            total += macs * (left / full if full else 1.0)
        return total

    def shapes_with(self, layer: str, kept: Array) -> list[tuple[int, ...]]:
        """Return the shapes of the weights of a layer with the channels that are `kept`."""
        shapes = [list(shape) for shape in self.shapes.get(layer, [])]
        for slices in self.by_layer.get(layer, []):
            shapes[slices.weight][slices.axis] = int(kept[slices.ids].sum())
        return [tuple(shape) for shape in shapes]

    def _sizes(self, layer: str, kept: Array) -> list[int]:
        return [prod(shape) for shape in self.shapes_with(layer, kept)]
