"""A binarized model as a `.tflite` file: 2-bit weights where LiteRT computes with them right and fast, else 8 bits.

Dense layers run with 2-bit weights, and so do convolutions as dense layers on patches, which pays from about 128 input
channels on (`benchmarks/forms.py` measures it); other convolutions hold 8-bit weights that are unpacked to float. A
sign times a scale is exact in each of these forms. What LiteRT has no such kernel for, as LSTM, stays in float. The
rule asks no clock, so that the same model gives the same file everywhere; but every file is run, and a layer that adds
noise there gets the next wider form.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfopt.config.choices import Form
from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.dense_lowering import lower_to_dense, pays_as_dense
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import LayerError
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.layer_changes import owners
from tfopt.techniques.quantization.litert_quantizer import quantize_mixed
from tfopt.techniques.quantization.sensitivity import LayerOperations, layer_errors, noise_to_signal
from tfopt.techniques.rounding.levels import Levels
from tfopt.typing import Array

NOISE = 0.01  # of the signal's power that a layer may add: that of 8-bit activations is a hundredth of it
WIDER: dict[Form, Form | None] = {"int2": "int4", "int4": "int8", "int8": "weights", "weights": None}
MATRIX = "FULLY_CONNECTED"
TYPES = {"INT2": "int2", "INT4": "int4", "INT8": "int8", "FLOAT32": "float32"}


class Made(NamedTuple):
    """The file, what it holds of each layer, and the root mean square of its outputs' error relative to them."""

    artifact: TfliteArtifact
    held: dict[str, str]
    error: float


def low_bit_file(
    model: keras.Model, levels: Mapping[str, Levels], name: str, x: Sequence[Array], progress: Progress
) -> Made:
    """Make the file `name`; x are samples to run it on, an array (N, ...) for each input.

    `levels` has the layers of `model` with the values of their kernels; the others stay in float.
    """
    few_bits = {layer for layer, values in levels.items() if values != "int8"}
    as_dense = lower_to_dense(model, name, lambda layer: layer.name in few_bits and pays_as_dense(layer))
    source = convert(KerasArtifact.from_model(as_dense, name), progress)
    feeds = dict(zip(source.inputs, x, strict=True))
    found = _found(as_dense, source.artifact.payload, levels)
    forms: dict[str, Form] = {layer.name: _first(layer, levels[layer.name]) for layer in found}
    while True:
        artifact = quantize_mixed(source.artifact, _by_form(found, forms), name, progress)
        noisy = _noisy(found, source.artifact, artifact, feeds) & forms.keys()
        if not noisy:
            return Made(artifact, _held(as_dense, artifact.payload, forms), _error(source.artifact, artifact, feeds))
        for layer in noisy:
            wider = WIDER[forms.pop(layer)]
            if wider is not None:
                forms[layer] = wider


def _found(model: keras.Model, payload: bytes, levels: Mapping[str, Levels]) -> list[LayerOperations]:
    """The layers in `levels` with their operations in the file."""
    owned, kinds = owners(model, payload), {name: type(layer).__name__ for name, layer in named_layers(model)}
    return [LayerOperations(name, kinds[name], owned[name]) for name in levels if owned.get(name)]


def _noisy(
    found: Sequence[LayerOperations], source: TfliteArtifact, artifact: TfliteArtifact, feeds: Mapping[str, Array]
) -> set[str]:
    """Layers that add too much noise; those in loops, which nobody can look into, if the whole has too much."""
    errors = layer_errors(found, source, artifact, feeds)
    noisy = {error.layer for error in errors if not error.added_noise <= NOISE and not _whole(error) <= NOISE}
    before, after = source.outputs(feeds), artifact.outputs(feeds)
    if not max(noise_to_signal(before[name], after[name]) for name in before) <= NOISE:
        noisy |= {layer.name for layer in found if any(operation.in_loop for operation in layer.operations)}
    return noisy


def _first(layer: LayerOperations, levels: Levels) -> Form:
    """The narrowest form that LiteRT has for the kernels of a layer."""
    kinds = {o.kind for o in layer.operations if any(len(c.shape) > 1 for c in o.constants)}
    if kinds != {MATRIX}:
        return "weights"
    return "int8" if levels == "int8" else "int2"


def _whole(error: LayerError) -> float:
    """Noise over signal of the whole output: channels that are hardly ever alive do not count as much as others."""
    return 1.0 if error.snr_db is None else float(10 ** (-error.snr_db / 10))


def _held(model: keras.Model, payload: bytes, forms: Mapping[str, Form]) -> dict[str, str]:
    """Return what the file holds of each layer, as its own tensors tell."""
    told = {}
    for name, found in owners(model, payload).items():
        types = {c.type for o in found for c in o.constants if len(c.shape) > 1 and c.type in TYPES}
        words = "/".join(sorted(TYPES[kind] for kind in types))
        form = forms.get(name)
        how = "unpacked to float" if form == "weights" else "activations quantized as they come"
        told[name] = f"{words}, {how}" if form and types - {"FLOAT32"} else words or "not found under its name"
    return told


def _error(source: TfliteArtifact, artifact: TfliteArtifact, feeds: Mapping[str, Array]) -> float:
    pairs = zip(source.outputs(feeds).values(), artifact.outputs(feeds).values(), strict=True)
    return max(float(np.sqrt(np.mean((b - a) ** 2) / max(float(np.mean(a**2)), 1e-18))) for a, b in pairs)


def _by_form(found: Sequence[LayerOperations], forms: Mapping[str, Form]) -> dict[Form, list[str]]:
    names: dict[Form, list[str]] = {}
    for layer in found:
        if layer.name in forms:
            names.setdefault(forms[layer.name], []).extend(layer.ids)
    return names
