"""The effect of structured pruning on each layer is told by what is left of it."""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType

import keras

from tfopt.graph.channels.channel_graph import ChannelGraph
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import Action, LayerChange
from tfopt.techniques.repair import Repaired
from tfopt.techniques.structured.candidates import Candidates

NOUNS = {"Embedding": "numbers a token", "LSTM": "units", "GRU": "units", "SimpleRNN": "units", "Dense": "units"}


Shapes = Mapping[str, Sequence[tuple[int, ...]]]


def shapes_of(model: keras.Model) -> Shapes:
    """Return the shapes of the weights of each layer, by its name."""
    return {name: [tuple(weight.shape) for weight in layer.weights] for name, layer in named_layers(model)}


def narrowed(
    found: Candidates, after: Shapes, repaired: Mapping[str, Repaired] = MappingProxyType({})
) -> list[LayerChange]:
    """Say of each layer with weights how many channels and weights are left, or why all stayed.

    Args:
        found: The model before, and what competed to leave it.
        after: The shapes of its weights afterwards; a layer that is not there has been told of under another name.
        repaired: The layers that were fitted anew.
    """
    action: Action
    changes = []
    for name, old in named_layers(found.model):
        had = sum(prod(weight.shape) for weight in old.weights)
        has = sum(map(prod, after.get(name, [])))
        if not had or name not in after:
            continue
        kind = type(old).__name__
        if had == has:
            detail, action = found.why_kept(name), "changed" if name in repaired else "skipped"
        else:
            detail = f"{_made(name, old, after[name], found.graph)}{has:,} of {had:,} weights left"
            action = "narrowed"
        detail = "; ".join([detail, *([repaired[name].told] if name in repaired else [])])
        changes.append(LayerChange(layer=name, kind=kind, action=action, detail=detail, weights=had))
    return changes


def _made(name: str, old: keras.Layer, after: Sequence[tuple[int, ...]], graph: ChannelGraph) -> str:
    """Return how many of the channels that it makes are left; nothing for layers that just follow."""
    for slices in graph.weight_slices:
        if slices.layer == name and slices.role == "makes":
            had, has = old.weights[slices.weight].shape[slices.axis], after[slices.weight][slices.axis]
            units = getattr(old, "units", None)
            if units and had != units:  # recurrent layers have several gates
                had, has = units, has * units // had
            if had != has:
                return f"{has} of {had} {_noun(old)}, "
    return ""


def _noun(layer: keras.Layer) -> str:
    kind = type(layer).__name__
    if kind == "MultiHeadAttention":
        return "heads"
    return NOUNS.get(kind, "filters" if "Conv" in kind else "channels")
