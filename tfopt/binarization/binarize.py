"""Binarization of a Keras model: kernels become signs times a scale, by training with them or by careful rounding."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.artifacts.tflite_file import TfliteArtifact
from tfopt.binarization.activations import Sign, replaceable, with_signs
from tfopt.binarization.bits import Bits, bits_of
from tfopt.binarization.files import low_bit_file
from tfopt.binarization.kernels import as_kernel, as_matrix, kernels
from tfopt.binarization.packed import Packed
from tfopt.binarization.plan import Plan, plan
from tfopt.binarization.post_training import rounded
from tfopt.binarization.rounding import Levels, codes, scales
from tfopt.binarization.straight_through import Latent, wrapped
from tfopt.choices import Form
from tfopt.config import BinarizeConfig, QuantizeConfig
from tfopt.data import Dataset, match
from tfopt.errors import InputError, TfoptError
from tfopt.graphs.folding import folded
from tfopt.graphs.leaves import leaves
from tfopt.graphs.rebuilding import Copies, compiled_like, rebuilt
from tfopt.graphs.replay import Call
from tfopt.litert.convert import convert
from tfopt.measure.accuracy import predicted_classes
from tfopt.progress import Progress
from tfopt.quantization.ptq import quantize
from tfopt.report.report import LayerChange
from tfopt.training.fit import FitPlan, fit
from tfopt.training.objective import loss_of
from tfopt.training.seeding import seed_everything
from tfopt.training.teaching import Teacher

Array = NDArray[Any]
SAMPLES = 256  # at most, that rounding looks at
CHECKED = 32  # that a file is run on


@dataclass(frozen=True)
class Binarized:
    """The model with packed or plain kernels, its `.tflite`, and those of the original in float and int8."""

    model: keras.Model
    artifact: TfliteArtifact
    others: list[TfliteArtifact]
    bits: Bits
    layers: list[LayerChange]
    notes: list[str]
    history: list[dict[str, float]]


def binarize(artifact: KerasArtifact, config: BinarizeConfig, data: Dataset | None, progress: Progress) -> Binarized:
    """Binarize a copy of the model; zeros, clusters and ranges that it had are not kept.

    Raises `InputError` without data or if it is binarized already, `UnsupportedError` if there is nothing to binarize
    or its graph is not known.
    """
    if data is None:
        raise InputError(
            f"{artifact.name} does not say which data it was trained on, and signs alone destroy a model: give --data"
            " NAME or --data FILE.npz to train on, or to round by with --post-training"
        )
    data = match(data, artifact.name, artifact.input_shapes(), artifact.output_shapes())
    seed_everything(config.seed)
    model = rebuilt(artifact.model, artifact.name)
    chosen = plan(model, config, artifact.name)
    history: list[dict[str, float]] = []
    if config.post_training:
        plain, pairs, notes = _rounded(model, chosen.levels, data, artifact.name, progress)
    else:
        plain, pairs, history, notes = _trained(artifact, model, chosen, config, data, progress)
    tflite, forms = low_bit_file(plain, chosen.levels, artifact.name, data.calibration.x[:CHECKED], progress)
    if config.mode == "binary":
        notes += _ternary(model, chosen, data, _right(plain, data), progress)
    result = plain if config.plain else packed(plain, chosen, artifact.name)
    return Binarized(
        compiled_like(artifact.model, result),
        tflite,
        _others(artifact, data, progress),
        bits_of(plain, chosen.levels),
        _changes(model, chosen, pairs, forms, config),
        notes,
        history,
    )


def _others(artifact: KerasArtifact, data: Dataset, progress: Progress) -> list[TfliteArtifact]:
    """What the original would be in float and, if that works, in int8."""
    try:
        int8 = quantize(artifact, QuantizeConfig(), data, progress)
    except TfoptError:
        return [convert(artifact, progress).artifact]
    return [int8.float_artifact, int8.artifact]


def _ternary(model: keras.Model, chosen: Plan, data: Dataset, binary: int, progress: Progress) -> list[str]:
    """What signs and zeros would do, without training, if that is better than what was made."""
    levels: dict[str, Levels] = {name: "int8" if own == "int8" else "ternary" for name, own in chosen.levels.items()}
    ternary, _, _ = _rounded(model, levels, data, model.name, progress)
    right, total = _right(ternary, data), len(data.validation.x)
    if right <= binary:
        return []
    return [
        f"--mode ternary is better at the same 2 bits in the .tflite: {right} of {total} validation samples right, even"
        f" without training, where binary weights have {binary}"
    ]


def _trained(
    artifact: KerasArtifact, model: keras.Model, chosen: Plan, config: BinarizeConfig, data: Dataset, progress: Progress
) -> tuple[keras.Model, dict[str, str], list[dict[str, float]], list[str]]:
    """The model trained with rounded kernels, normalizations folded afterwards: a factor a channel changes no sign."""
    notes = []
    if config.activations:
        names = replaceable(model, set(chosen.binarized))
        notes.append(
            f"signs in place of {len(names)} activations: {', '.join(sorted(names)) or 'none can be replaced'}"
        )
        model = with_signs(model, artifact.name, names, Sign())
    layers = dict(leaves(model))
    latents = [
        Latent(layers[name].weights[kernel.position], config.mode, kernel.axes)
        for name in chosen.binarized
        for kernel in kernels(layers[name])
        if not kernel.depthwise
    ]
    training = wrapped(model, latents)
    training.compile(loss=loss_of(artifact.model))
    plan_ = FitPlan(config.most_epochs, config.batch_size, config.rate, config.seed, decay=True)
    result = fit(training, data, plan_, progress, teacher=Teacher(artifact.predict))
    for latent in latents:
        latent.weight.assign(latent.rounded())
    notes.append(
        f"trained for {len(result.history)} epochs with the float model as teacher, the weights are those of epoch"
        f" {result.best_epoch + 1}"
    )
    plain, pairs = folded(model, artifact.name)
    _to_int8(plain, chosen)
    return _without_sign_layers(plain, artifact.name), pairs, result.history, notes


def _without_sign_layers(model: keras.Model, title: str) -> keras.Model:
    """The model with `keras.ops.sign` for the layers that were there to be trained."""

    def visit(call: Call, copies: Copies) -> Any:
        return ops.sign(call.args[0]) if isinstance(call.operation, Sign) else copies.call(call)

    return rebuilt(model, title, visit)


def _to_int8(model: keras.Model, chosen: Plan) -> None:
    """Round what is not binarized to 8 bits, in place."""
    for name, layer in leaves(model):
        for kernel in kernels(layer) if name in chosen.levels else ():
            if chosen.levels[name] == "int8" or kernel.depthwise:
                weight = layer.weights[kernel.position]
                matrix = as_matrix(weight.numpy(), kernel.axes)
                scale = scales(matrix, "int8")
                value = (codes(matrix, scale, "int8") * scale).astype(weight.dtype)
                weight.assign(as_kernel(value, tuple(weight.shape), kernel.axes))


def _rounded(
    model: keras.Model, levels: Mapping[str, Levels], data: Dataset, title: str, progress: Progress
) -> tuple[keras.Model, dict[str, str], list[str]]:
    """The better of two roundings, with and without compensation of errors, on the validation split."""
    before, pairs = folded(model, title)
    samples = [data.calibration.x[:SAMPLES]]
    candidates = {}
    with progress.task("rounding", 2 * len(list(leaves(before)))) as advance:
        for word, compensate in (("plain", False), ("compensated", True)):
            copy = rebuilt(before, title)
            candidates[word] = rounded(before, copy, levels, samples, advance, compensate=compensate)
    right = {word: _right(candidate, data) for word, candidate in candidates.items()}
    best = max(right, key=lambda word: right[word])
    told = " and ".join(f"{count} right with {word} rounding" for word, count in right.items())
    notes = [
        f"rounded on {len(samples[0])} calibration samples; {told}, of {len(data.validation.x)} validation samples:"
        f" {best} it is"
    ]
    return candidates[best], pairs, notes


def _right(model: keras.Model, data: Dataset) -> int:
    outputs = KerasArtifact("candidate", model, b"", None).predict(data.validation.x)
    return int(np.sum(predicted_classes(outputs) == data.validation.y))


def packed(model: keras.Model, chosen: Plan, title: str) -> keras.Model:
    """A copy of `model` whose layers in the plan store bits."""

    def visit(call: Call, copies: Copies) -> Any:
        if call.name not in chosen.levels:
            return copies.call(call)
        return copies.of(call, lambda name: _packed(call, name, chosen))(*call.args, **call.kwargs)

    return rebuilt(model, title, visit)


def _packed(call: Call, name: str, chosen: Plan) -> Packed:
    layer = call.operation
    copy = type(layer).from_config({**layer.get_config(), "name": name})
    copy.build_from_config(layer.get_build_config())
    copy.set_weights(layer.get_weights())
    levels = chosen.levels[call.name]
    return Packed(copy, {str(k.position): "int8" if k.depthwise else levels for k in kernels(copy)})


def _changes(
    model: keras.Model, chosen: Plan, pairs: Mapping[str, str], forms: Mapping[str, Form], config: BinarizeConfig
) -> list[LayerChange]:
    changes = []
    for name, layer in leaves(model):
        count = sum(prod(weight.shape) for weight in layer.weights)
        if not count:
            continue
        if name in pairs:
            action, detail = "folded", f"into {pairs[name]}"
        elif name in chosen.levels:
            word = "8 bits" if name in chosen.why_int8 else config.mode
            reason = f" ({chosen.why_int8[name]})" if name in chosen.why_int8 else ""
            action = "quantized" if name in chosen.why_int8 else "binarized"
            detail = f"{word}{reason}; in the .tflite {_form(forms.get(name))}"
        else:
            action, detail = "skipped", chosen.skipped[name]
        changes.append(LayerChange(layer=name, kind=type(layer).__name__, action=action, detail=detail, weights=count))
    return changes


def _form(form: Form | None) -> str:
    match form:
        case None:
            return "float32: LiteRT has no kernel for fewer bits that answers alike"
        case "weights":
            return "int8, unpacked to float"
        case _:
            return f"{form}, activations quantized as they come"
