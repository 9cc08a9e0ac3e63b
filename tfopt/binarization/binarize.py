"""Binarization of a Keras model: kernels become signs times a scale, by training with them or by careful rounding."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.artifacts.tflite_file import TfliteArtifact
from tfopt.binarization.activations import Sign, replaceable, with_signs
from tfopt.binarization.bits import Bits, bits_of
from tfopt.binarization.files import low_bit_file
from tfopt.binarization.kernels import change, kernels
from tfopt.binarization.packed import Packed, fresh_copy
from tfopt.binarization.plan import Plan, plan
from tfopt.binarization.post_training import rounded
from tfopt.binarization.rounding import Levels, nearest
from tfopt.binarization.straight_through import Latent, wrapped
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
from tfopt.report.report import Action, LayerChange
from tfopt.training.fit import FitPlan, fit
from tfopt.training.objective import loss_of, soft_loss
from tfopt.training.seeding import seed_everything
from tfopt.training.teaching import Teacher, can_be_taught

LEAST_SAMPLES, MOST_SAMPLES = 16, 256  # that rounding looks at
MOST_BYTES = 2e9  # of what the layers answer then
CHECKED = 32  # samples that a file is run on


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


class Rounded(NamedTuple):
    """A model whose kernels have few values, normalizations folded, and which took which (name -> layer before it)."""

    model: keras.Model
    folded: dict[str, str]
    signs: frozenset[str]
    notes: list[str]
    history: list[dict[str, float]]


def binarize(
    artifact: KerasArtifact, config: BinarizeConfig, data: Dataset | None, name: str, progress: Progress
) -> Binarized:
    """Binarize a copy of the model, its file to be called `name`; zeros, clusters and ranges that it had are not kept.

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
    nested = {name.replace("/", "_"): name for name, _ in leaves(artifact.model)}
    chosen = plan(model, config, artifact.name, nested)
    if config.post_training:
        made = _rounded(model, chosen.levels, data, artifact.name, progress)
    else:
        made = _trained(artifact, chosen, config, data, progress)
    few_bits = low_bit_file(
        made.model, chosen.levels, f"{Path(name).stem}.tflite", data.calibration.x[:CHECKED], progress
    )
    others, remarks = _others(artifact, data, progress)
    notes = [
        *made.notes,
        f"the .tflite answers as the .keras does but for {few_bits.error:.1%} of the output",
        *remarks,
    ]
    if config.mode == "binary" and not config.activations:
        notes += _ternary(model, chosen, data, _right(made.model, data), progress)
    return Binarized(
        compiled_like(artifact.model, made.model if config.plain else packed(made.model, chosen, artifact.name)),
        few_bits.artifact,
        others,
        bits_of(made.model, chosen.levels),
        _changes(model, chosen, made, few_bits.held, nested),
        notes,
        made.history,
    )


def _others(artifact: KerasArtifact, data: Dataset, progress: Progress) -> tuple[list[TfliteArtifact], list[str]]:
    """What the original would be in float and, if that works, in int8; else why not."""
    try:
        int8 = quantize(artifact, QuantizeConfig(), data, progress)
    except TfoptError as error:
        return [convert(artifact, progress).artifact], [f"not compared with int8: {error}"]
    return [int8.float_artifact, int8.artifact], []


def _ternary(model: keras.Model, chosen: Plan, data: Dataset, binary: int, progress: Progress) -> list[str]:
    """What signs and zeros would do, without training, if that is better than what was made."""
    levels: dict[str, Levels] = {name: "int8" if own == "int8" else "ternary" for name, own in chosen.levels.items()}
    right = _right(_rounded(model, levels, data, model.name, progress).model, data)
    if right <= binary:
        return []
    return [
        f"--mode ternary is better, in a .tflite of the same size: even without training it has {right} of"
        f" {len(data.validation.x)} validation samples right, where binary weights have {binary}"
    ]


def _trained(
    artifact: KerasArtifact, chosen: Plan, config: BinarizeConfig, data: Dataset, progress: Progress
) -> Rounded:
    """Train a copy with rounded kernels; normalizations are folded afterwards: a factor a channel changes no sign."""
    model = rebuilt(artifact.model, artifact.name)
    notes = []
    signs: frozenset[str] = frozenset()
    if config.activations:
        signs = frozenset(replaceable(model, set(chosen.binarized)))
        notes.append(
            f"signs in place of {len(signs)} activations: {', '.join(sorted(signs)) or 'none can be replaced'}"
        )
        model = with_signs(model, artifact.name, signs, Sign())
    layers = dict(leaves(model))
    latents = [
        Latent(layers[name].weights[kernel.position], config.mode, kernel.axes)
        for name in chosen.binarized
        for kernel in kernels(layers[name])
        if not kernel.depthwise
    ]
    training = wrapped(model, latents)
    training.compile(loss=loss_of(artifact.model))
    plan_ = FitPlan(config.most_epochs, config.samples_a_step, config.rate, config.seed, decay=True)
    result = fit(training, data, plan_, progress, teacher=Teacher(artifact.predict))
    for latent in latents:
        latent.weight.assign(latent.rounded())
    taught = can_be_taught(soft_loss(loss_of(artifact.model)), artifact.output_shapes()[0][-1] or 1)
    notes.append(
        f"trained for {len(result.history)} epochs{' with the float model as teacher' if taught else ''}, the weights"
        f" are those of epoch {result.best_epoch + 1}"
    )
    plain, pairs = folded(model, artifact.name)
    for name, layer in leaves(plain):
        for kernel in kernels(layer) if name in chosen.levels else ():
            if chosen.levels[name] == "int8" or kernel.depthwise:
                change(layer, kernel, lambda matrix: nearest(matrix, "int8"))
    return Rounded(_without_sign_layers(plain, artifact.name), pairs, signs, notes, result.history)


def _without_sign_layers(model: keras.Model, title: str) -> keras.Model:
    """The model with `keras.ops.sign` for the layers that were there to be trained."""

    def visit(call: Call, copies: Copies) -> Any:
        return ops.sign(call.first) if isinstance(call.operation, Sign) else copies.call(call)

    return rebuilt(model, title, visit)


def _rounded(
    model: keras.Model, levels: Mapping[str, Levels], data: Dataset, title: str, progress: Progress
) -> Rounded:
    """The better of two roundings, with and without compensation of errors, on the validation split."""
    before, pairs = folded(model, title)
    samples = data.calibration.x[: _most_samples(before)]
    candidates, blind = {}, []
    with progress.task("rounding", 2 * len(list(leaves(before)))) as advance:
        for word, compensate in (("plain", False), ("compensated", True)):
            candidates[word] = rebuilt(before, title)
            blind = rounded(before, candidates[word], levels, [samples], advance, compensate=compensate)
    right = {word: _right(candidate, data) for word, candidate in candidates.items()}
    best = max(right, key=lambda word: right[word])
    told = " and ".join(f"{count} right with {word} rounding" for word, count in right.items())
    notes = [
        f"rounded on {len(samples)} calibration samples; {told}, of {len(data.validation.x)} validation samples:"
        f" {best} it is"
    ]
    if blind:
        notes.append(f"rounded without a look at what they are fed, and so less well: {', '.join(blind)}")
    return Rounded(candidates[best], pairs, frozenset(), notes, [])


def _most_samples(model: keras.Model) -> int:
    """As many as fit into memory with all that two models answer on the way, at most 256."""
    values = sum(prod(size or 1 for size in layer.output.shape[1:]) for layer in model.layers if _has_one_output(layer))
    return int(np.clip(MOST_BYTES / (2 * 4 * max(values, 1)), LEAST_SAMPLES, MOST_SAMPLES))


def _has_one_output(layer: keras.Layer) -> bool:
    try:
        return isinstance(layer.output, keras.KerasTensor)
    except (AttributeError, ValueError):  # it is called several times
        return False


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
    copy = fresh_copy(call.operation, name)
    assert copy is not None  # the plan has only layers that can be copied so
    levels = chosen.levels[call.name]
    return Packed(copy, {str(k.position): "int8" if k.depthwise else levels for k in kernels(copy)})


def _changes(
    model: keras.Model, chosen: Plan, made: Rounded, held: Mapping[str, str], nested: Mapping[str, str]
) -> list[LayerChange]:
    return [
        LayerChange(
            layer=nested.get(name, name),
            kind=type(layer).__name__,
            action=action,
            detail=detail,
            weights=sum(prod(weight.shape) for weight in layer.weights),
        )
        for name, layer in leaves(model)
        if layer.weights
        for action, detail in [_fate(name, layer, chosen, made, held)]
    ]


def _fate(name: str, layer: keras.Layer, chosen: Plan, made: Rounded, held: Mapping[str, str]) -> tuple[Action, str]:
    """What became of a layer, and the particulars."""
    if name in made.folded:
        return "folded", f"into {made.folded[name]}"
    if name in made.signs and name not in chosen.levels:
        return "binarized", "replaced by a sign"
    if name in chosen.skipped:
        return "skipped", chosen.skipped[name]
    file = f"in the .tflite {held.get(name, 'not found under its name')}"
    if name in chosen.why_int8:
        return "quantized", f"8 bits ({chosen.why_int8[name]}); {file}"
    depthwise = ", its depthwise kernel 8 bits" if any(kernel.depthwise for kernel in kernels(layer)) else ""
    return "binarized", f"{chosen.levels[name]}{depthwise}; {file}"
