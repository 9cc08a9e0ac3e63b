"""The fate of each Keras layer is read from the quantized file itself rather than from what was asked for."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import prod
from typing import TypeVar

import keras

from tfopt.formats.tflite.graph import CONVERTING, Operation, operations
from tfopt.graph.layer_names import named_layers, parse_scopes
from tfopt.report.schema import LayerChange, LayerError

MOST_CLUSTERS = 64  # that many distinct values are no accident of rounding to 8 bits
LEAST_ZEROS = 0.1  # and neither are more zeros than this
RECURRENT = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN")
WORDS = {"INT8": "int8", "INT4": "int4", "INT16": "int16", "FLOAT16": "float16", "FLOAT32": "float32"}
AS_THEY_COME = "quantized as they come"  # activations of a dynamic range, scaled to integers in each inference
SMALL = ("INT8", "INT4", "INT2")
LOOKUPS = ("EMBEDDING_LOOKUP", "GATHER")  # take weights without computing with them
Told = TypeVar("Told", LayerChange, LayerError)


def layer_changes(model: keras.Model, payload: bytes, scopes: Mapping[str, str] | None = None) -> list[LayerChange]:
    """Say for each layer with weights how the file stores and computes it.

    Normalizations that share an operation with the layer before, and have none of their own, were folded into its
    weights. `scopes` is as in `owners`.
    """
    owned = owners(model, payload, scopes)
    changes = []
    for name, layer in named_layers(model):
        count = sum(prod(weight.shape) for weight in layer.weights)
        if count:
            changes.append(_change(name, layer, count, owned.get(name, [])))
    return changes


def owners(model: keras.Model, payload: bytes, scopes: Mapping[str, str] | None = None) -> dict[str, list[Operation]]:
    """The operations of a file by the layer they come from, as the names of their outputs and weights tell.

    `model` is what was converted into the file.

    `scopes` gives the layer for each such name, if it is not the layer's own. Recurrent layers lose their names in
    tf_keras: to each that is not found belongs what is inside of loops, and every recurrent kernel.
    """
    certain = dict(enumerate(name for name, _ in named_layers(model)))
    named = {layer.name: name for name, layer in named_layers(model)} if scopes is None else scopes
    found: dict[str, list[Operation]] = defaultdict(list)
    steps = []
    unpacking: dict[str, Operation] = {}  # what makes floats of stored weights, by the tensor that it gives
    for operation in operations(payload):
        known = {certain[layer] for tensor in _tensors(operation) for layer in parse_scopes(tensor) if layer in certain}
        for name in known or {named[scope] for scope in _scopes(operation, model.name) if scope in named}:
            found[name].append(operation)
        if operation.kind == "DEQUANTIZE" and operation.constants:
            unpacking |= dict.fromkeys(operation.outputs, operation)
        if operation.in_loop or operation.kind in RECURRENT:
            steps += [*(unpacking[name] for name in operation.inputs if name in unpacking), operation]
    for name, layer in named_layers(model):
        held = [c for operation in found[name] if operation.kind != "WHILE" for c in operation.constants]  # no states
        weighs = any(prod(c.shape) > 1 for c in held)
        if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)) and not weighs:
            found[name] = steps
    return dict(found)


def _scopes(operation: Operation, model: str) -> set[str]:
    """Name scopes of an operation's outputs and weights; tracing a model anew appends `_1` to all of them."""
    scopes = {scope for tensor in _tensors(operation) for scope in re.split(r"[/;]", tensor)}
    return {scope.removesuffix("_1") for scope in scopes} if f"{model}_1" in scopes else scopes


def _tensors(operation: Operation) -> list[str]:
    return [*operation.outputs, *(constant.name for constant in operation.constants)]


def _change(name: str, layer: keras.Layer, count: int, found: list[Operation]) -> LayerChange:
    kind = type(layer).__name__
    weights = [c for operation in found for c in operation.constants if len(c.shape) > 1 and prod(c.shape) > 1]
    if kind == "BatchNormalization" and not any(
        operation.kind in ("MUL", "ADD", "SUB", "RSQRT") for operation in found
    ):
        return LayerChange(
            layer=name, kind=kind, action="folded", detail="into the weights of the layer before", weights=count
        )
    if not weights:
        kernel = any(len(weight.shape) > 1 for weight in layer.weights)
        detail = "its kernel was not found under its name in the file" if kernel else "no kernel among its weights"
        return LayerChange(layer=name, kind=kind, action="skipped", detail=detail, weights=count)
    types = sorted({WORDS.get(c.type, c.type.lower()) for c in weights})
    grain = "per-channel" if any(c.scales > 1 for c in weights) else "per-tensor"
    if types == ["float32"]:
        return LayerChange(
            layer=name, kind=kind, action="skipped", detail="left in float32 by the quantizer", weights=count
        )
    if not any(c.scales for c in weights):  # LiteRT keeps the scales of blocks in a tensor of their own
        grain = "in blocks" if any(c.type in SMALL for c in weights) else ""
    scaled = f" {grain}" if grain else ""
    detail = f"weights {'/'.join(types)}{scaled}, activations {_activations(found)}"
    size = sum(prod(c.shape) for c in weights)
    zeros = 1 - sum(c.nonzero for c in weights) / size
    distinct = max(c.distinct() for c in weights)
    if distinct <= MOST_CLUSTERS and size >= 2 * distinct * max(c.scales for c in weights):
        detail += f", at most {distinct} distinct values{' in a channel' if grain == 'per-channel' else ''}"
    return LayerChange(
        layer=name,
        kind=kind,
        action="quantized",
        detail=detail,
        weights=count,
        sparsity=zeros if zeros > LEAST_ZEROS else None,
        distinct=distinct,
    )


def _activations(found: Sequence[Operation]) -> str:
    """Say how operations compute: a kernel of small weights that gives floats quantizes its input as it comes."""
    computing = [operation for operation in found if operation.kind not in CONVERTING] or found  # than unpack weights
    types = {WORDS[operation.output_type] for operation in computing if operation.output_type in WORDS}
    if any(_is_dynamic(operation) for operation in found):
        types = types - {"float32"} | {AS_THEY_COME}
    return "/".join(sorted(types))


def _is_dynamic(operation: Operation) -> bool:
    if operation.output_type != "FLOAT32" or operation.kind in (*CONVERTING, *LOOKUPS):
        return False
    return any(c.type in SMALL and len(c.shape) > 1 for c in operation.constants)


def named_as_in(model: keras.Model, told: Told) -> Told:
    """Return what is told of a layer under its name and kind in `model`; it may have been rebuilt to be converted."""
    own = {name.replace("/", "_"): (name, type(layer).__name__) for name, layer in named_layers(model)}
    name, kind = own.get(told.layer, (told.layer, told.kind))
    return told.model_copy(update={"layer": name, "kind": kind})
