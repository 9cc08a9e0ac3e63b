"""Techniques change the kernels of layers, and say of each other layer why it is left alone.

As in TensorFlow Model Optimization, the kernels of dense, convolutional and recurrent layers are pruned and biases,
normalizations and depthwise kernels are left alone; embeddings and attention projections are pruned as well.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras

from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.kernels import DEPTHWISE
from tfopt.graph.layer_names import named_layers
from tfopt.report.inspection import Verdict
from tfopt.report.schema import LayerChange

KERNELS = {"kernel", "pointwise_kernel", "recurrent_kernel", "embeddings"}


class Target(NamedTuple):
    """A layer and those of its weights that are pruned; positions are indices into `model.weights`."""

    layer: str
    kind: str
    positions: tuple[int, ...]


def targets(model: keras.Model, exclude: str | None, title: str) -> tuple[list[Target], list[LayerChange]]:
    """Split the layers with weights into targets and skipped; raise if nothing is left or `exclude` fits nothing."""
    excluded = excluded_by(exclude)
    found: list[Target] = []
    skipped: list[LayerChange] = []
    matched = False
    seen: set[str] = set()
    index = {weight.path: position for position, weight in enumerate(model.weights)}
    for name, layer in named_layers(model):
        weights = [weight for weight in layer.weights if weight.path not in seen]
        seen.update(weight.path for weight in weights)
        if not weights:
            continue
        count = sum(_size(weight) for weight in weights)
        kind = type(layer).__name__
        kernels = [] if isinstance(layer, DEPTHWISE) else [w for w in weights if w.name in KERNELS and len(w.shape) > 1]
        if excluded and excluded.search(name):
            matched = True
            skipped.append(_skipped(name, kind, f"excluded by {exclude!r}", count))
        elif any(not weight.trainable for weight in kernels):
            skipped.append(_skipped(name, kind, "frozen: it could not be fine-tuned", count))
        elif kernels:
            found.append(Target(name, kind, tuple(index[weight.path] for weight in kernels)))
        else:
            skipped.append(_skipped(name, kind, _reason(layer, weights), count))
    if excluded and not matched:
        raise InputError(f"`exclude` {exclude!r} matches no layer with weights")
    if not found:
        raise UnsupportedError(f"{title} has no kernel to change: none at all, or every one is excluded or frozen")
    return found, skipped


def verdicts(able: Mapping[str, str], skipped: Sequence[LayerChange]) -> dict[str, Verdict]:
    """Return for each layer what can be done with it, or why nothing can."""
    found = {layer: Verdict(can=True, detail=detail) for layer, detail in able.items()}
    return found | {change.layer: Verdict(can=False, detail=change.detail) for change in skipped}


def excluded_by(exclude: str | None) -> re.Pattern[str] | None:
    """Return the pattern of the names that `exclude` spares; raise `InputError` if it is none."""
    try:
        return re.compile(exclude) if exclude is not None else None
    except re.error as error:
        raise InputError(f"`exclude` {exclude!r} is no regular expression: {error}") from error


def _reason(layer: keras.Layer, weights: list[keras.Variable]) -> str:
    if isinstance(layer, DEPTHWISE):
        return "depthwise kernels hold few weights, each of which matters"
    if "Normalization" in type(layer).__name__:
        return "a normalization has no kernel"
    return f"no kernel among its weights ({', '.join(weight.name for weight in weights)})"


def _skipped(name: str, kind: str, reason: str, weights: int) -> LayerChange:
    return LayerChange(layer=name, kind=kind, action="skipped", detail=reason, weights=weights)


def _size(weight: keras.Variable) -> int:
    size = 1
    for extent in weight.shape:
        size *= extent
    return size
