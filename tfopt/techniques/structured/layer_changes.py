"""The effect of structured pruning on each layer is told by what is left of it."""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import ChannelGraph
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import LayerChange
from tfopt.techniques.structured.candidates import Candidates

NOUNS = {"Embedding": "numbers a token", "LSTM": "units", "GRU": "units", "SimpleRNN": "units", "Dense": "units"}


def narrowed(found: Candidates, after: keras.Model) -> list[LayerChange]:
    """One entry for each layer with weights: how many channels and weights are left, or why all stayed."""
    changes = []
    for (name, old), (_, new) in zip(named_layers(found.model), named_layers(after), strict=True):
        had, has = (sum(int(np.prod(weight.shape)) for weight in layer.weights) for layer in (old, new))
        if not had:
            continue
        kind = type(old).__name__
        if had == has:
            reason = found.why_kept(name)
            changes.append(LayerChange(layer=name, kind=kind, action="skipped", detail=reason, weights=had))
        else:
            detail = f"{_made(name, old, new, found.graph)}{has:,} of {had:,} weights left"
            changes.append(LayerChange(layer=name, kind=kind, action="narrowed", detail=detail, weights=had))
    return changes


def _made(name: str, old: keras.Layer, new: keras.Layer, graph: ChannelGraph) -> str:
    """Return how many of the channels that it makes are left; nothing for layers that just follow."""
    for slices in graph.weight_slices:
        if slices.layer == name and slices.role == "makes":
            had, has = (layer.weights[slices.weight].shape[slices.axis] for layer in (old, new))
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
