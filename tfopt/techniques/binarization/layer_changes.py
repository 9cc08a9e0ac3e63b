"""A model after binarization, and what became of each layer of the original."""

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

import keras

from tfopt.core.outcome import Training
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import Action, LayerChange
from tfopt.techniques.binarization.layer_plan import Plan


class RoundedModel(NamedTuple):
    """A model whose kernels have few values.

    `folded` has the normalizations that are gone, each with the layer that took it, `signs` the layers whose activation
    became one; `training` is how it was trained.
    """

    model: keras.Model
    folded: dict[str, str]
    signs: frozenset[str]
    notes: list[str]
    history: list[dict[str, float]]
    training: Training | None = None


def changes(
    model: keras.Model, chosen: Plan, made: RoundedModel, held: Mapping[str, str], nested: Mapping[str, str]
) -> list[LayerChange]:
    """Return what became of each layer of `model`, the flat copy of the original.

    `held` tells what the `.tflite` holds of it, `nested` the name that it has in the original.
    """
    return [
        LayerChange(
            layer=nested.get(name, name),
            kind=type(layer).__name__,
            action=action,
            detail=detail,
            weights=sum(prod(weight.shape) for weight in layer.weights),
        )
        for name, layer in named_layers(model)
        if layer.weights
        for action, detail in [_fate(name, layer, chosen, made, held)]
    ]


def _fate(
    name: str, layer: keras.Layer, chosen: Plan, made: RoundedModel, held: Mapping[str, str]
) -> tuple[Action, str]:
    """Return what became of a layer, and the particulars."""
    if name in made.folded:
        return "folded", f"into {made.folded[name]}"
    if name in made.signs and name not in chosen.levels:
        return "binarized", "replaced by a sign"
    if name in chosen.skipped:
        return "skipped", chosen.skipped[name]
    file = f"in the .tflite {held.get(name, 'not found under its name')}"
    if name in chosen.why_int8:
        return "quantized", f"8 bits ({chosen.why_int8[name]}); {file}"
    depthwise = ", its depthwise kernel 8 bits" if any(kernel.depthwise for kernel in find_kernels(layer)) else ""
    return "binarized", f"{chosen.levels[name]}{depthwise}; {file}"
