"""Post-training quantization: a trained model becomes a `.tflite` file without further training.

The file is made by LiteRT Quantizer from the float one; where activations are calibrated, the converter's own
quantization is tried as well, and the better of the two is kept by what they do on the validation split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import keras
import numpy as np

from tfopt.config.choices import Task
from tfopt.conversion.convert import FloatFile, convert
from tfopt.data import Dataset, match
from tfopt.data.calibration import Input, calibration
from tfopt.errors import ConversionError, InputError, UnsupportedError
from tfopt.evaluation.scores import drop, scores
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.dense_lowering import lowered, pays_as_dense
from tfopt.graph.layer_names import leaves
from tfopt.graph.model_io import inputs_of
from tfopt.graph.replay import is_graph
from tfopt.report.schema import GateResult, LayerChange, LayerError
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import layer_changes
from tfopt.techniques.quantization.litert_quantizer import quantize as quantize_file
from tfopt.techniques.quantization.sensitivity import SAMPLES, Budget, alone, layer_errors, recover, suspects
from tfopt.typing import Array

COLLAPSE = 0.05  # a loss of accuracy on the validation split that is no success
WORSE = 0.01  # as much worse on the validation split that a smaller file does not outweigh it
FAR, TWICE = 0.05, 2  # an error that large, and so many times the other's, is not outweighed either
SAME_SIZE = 0.02


@dataclass(frozen=True)
class Quantized:
    """The quantized artifact, the float `.tflite` it is to be compared with, and what happened to each layer."""

    artifact: TfliteArtifact
    float_artifact: TfliteArtifact
    layers: list[LayerChange]
    notes: list[str]
    gates: list[GateResult]


def quantize(
    artifact: KerasArtifact,
    config: QuantizeConfig,
    data: Dataset | None,
    progress: Progress,
) -> Quantized:
    """Quantize after training; what is calibrated is so on the calibration split, or on what `config` says.

    Zeros stay zero and equal weights of one output channel stay equal. Raises `InputError` if there is nothing to
    calibrate on, `ConversionError` if the model cannot be converted, `UnsupportedError` if nothing was quantized.
    """
    start = _start(artifact, config, data, progress)
    made, judge = start.made, start.judge
    chosen, notes = choose(start, config, progress)
    notes = start.notes + notes
    gates: list[GateResult] = []
    if judge.labels is not None:
        limit = COLLAPSE if config.max_drop is None else config.max_drop
        if config.max_drop is not None and judge.drop(chosen) > limit:
            chosen, remarks = recover(start.budget(config, limit), chosen, progress)
            notes += remarks
        lost = judge.drop(chosen)
        gates.append(
            GateResult(gate="max-drop", name=chosen.name, limit=limit, found=lost, passed=lost <= limit + 1e-9)
        )
        notes.append(f"--max-drop is held to on the {len(judge.labels)} samples of the validation split")
    layers = [_as_in(artifact.model, change) for change in layer_changes(made.model, chosen.payload)]
    if not any(change.action == "quantized" for change in layers):
        raise UnsupportedError(
            f"{artifact.name} has no layer that LiteRT can store as {config.name}: the file would be the float one"
        )
    return Quantized(chosen, made.artifact, layers, notes, gates)


def inspect(
    artifact: KerasArtifact, config: QuantizeConfig, data: Dataset | None, progress: Progress
) -> tuple[TfliteArtifact, TfliteArtifact, list[LayerError], list[str]]:
    """Quantize, and say for each layer what that does to it, worst first; returns the float file and the other too."""
    start = _start(artifact, config, data, progress)
    judge = start.judge
    found = suspects(start.made.model, start.made.artifact)
    [whole] = quantize_file(start.made.artifact, config, start.feeds, progress)
    if not judge.feeds:
        raise InputError(
            f"tfopt debug needs samples for {artifact.name}: give --data NAME, --data FILE.npz or --calibration"
        )
    errors = layer_errors(found, start.made.artifact, whole, judge.feeds)
    if judge.labels is not None:
        singles = quantize_file(
            start.made.artifact, config, start.feeds, progress, alone(found, [error.layer for error in errors])
        )
        with progress.task("quantizing one layer at a time", len(errors)) as advance:
            measured = []
            for error, single in zip(errors, singles, strict=True):
                measured.append(error.model_copy(update={"drop": judge.drop(single)}))
                advance(1, error.layer)
            errors = measured
    errors = [_as_in(artifact.model, error) for error in errors]
    notes = [*start.notes, f"errors measured on {judge.where}, {SAMPLES} samples for the figures of each layer"]
    return start.made.artifact, whole, errors, notes


@dataclass(frozen=True)
class Start:
    """The float file, what to calibrate it on by the names of its inputs, and what judges the results."""

    made: FloatFile
    feeds: dict[str, Array]
    judge: "Judge"
    notes: list[str]

    def budget(self, config: QuantizeConfig, limit: float) -> Budget:
        """What is to be kept to if no more than `limit` may be lost."""
        return Budget(self.made.model, self.made.artifact, config, self.feeds, self.judge, limit)


def _start(artifact: KerasArtifact, config: QuantizeConfig, data: Dataset | None, progress: Progress) -> Start:
    if data is not None:
        data = match(data, artifact.name, artifact.input_shapes(), artifact.output_shapes())
    arrays, notes = _samples(artifact, config, data)
    own = config.static and config.weights == "int8" and config.algorithm == "minmax"
    source, dense = _with_kernels_for_few_bits(artifact, config)
    if dense:
        notes.append(f"convolutions as dense layers on patches, faster in LiteRT with few bits: {', '.join(dense)}")
    made = convert(
        source,
        progress,
        config,
        static=config.precision if own else None,  # type: ignore[arg-type]
        io=config.io,
        calibration=arrays,
    )
    feeds = dict(zip(made.inputs, arrays, strict=True)) if arrays else {}
    return Start(made, feeds, Judge(made, data, feeds), notes + made.notes)


def _with_kernels_for_few_bits(artifact: KerasArtifact, config: QuantizeConfig) -> tuple[KerasArtifact, list[str]]:
    """The model, with those convolutions as dense layers that LiteRT computes faster with few bits so; and these."""
    if config.precision != "dynamic" or config.weights == "int8" or not is_graph(artifact.model):
        return artifact, []
    dense = [name for name, layer in leaves(artifact.model) if pays_as_dense(layer)]
    if not dense:
        return artifact, []
    return KerasArtifact.of(lowered(artifact.model, artifact.name, pays_as_dense), artifact.name), dense


Told = TypeVar("Told", LayerChange, LayerError)


def _as_in(model: keras.Model, told: Told) -> Told:
    """What is told of a layer, under the name and kind it has in `model`; it may have been rebuilt to be converted."""
    own = {name.replace("/", "_"): (name, type(layer).__name__) for name, layer in leaves(model)}
    name, kind = own.get(told.layer, (told.layer, told.kind))
    return told.model_copy(update={"layer": name, "kind": kind})


class Judge:
    """How a file does on the validation split, or on the calibration samples where there is no data."""

    def __init__(self, made: FloatFile, data: Dataset | None, feeds: Mapping[str, Array]) -> None:
        self.feeds = dict(zip(made.inputs, data.validation.inputs, strict=True)) if data else dict(feeds)
        self.labels = data.validation.y if data else None
        self.task: Task = data.task if data else "classification"
        self.where = "the validation split" if data else "the calibration samples"
        self.wanted = made.artifact.outputs(self.feeds) if self.feeds else {}
        self.reference = self._scores(self.wanted)

    def error(self, artifact: TfliteArtifact) -> float:
        """Root mean square of the outputs' difference from those of the float file, relative to theirs."""
        found = artifact.outputs(self.feeds) if self.feeds else {}
        parts = [np.sqrt(np.mean((found[n] - w) ** 2) / max(np.mean(w**2), 1e-18)) for n, w in self.wanted.items()]
        return float(max(parts, default=0.0))

    def drop(self, artifact: TfliteArtifact) -> float:
        """How much worse than the float file it is, in points of accuracy or as a share; 0 without labels."""
        if self.reference is None:
            return 0.0
        found = self._scores(artifact.outputs(self.feeds))
        assert found is not None
        return drop(self.task, self.reference, found)

    def _scores(self, outputs: Mapping[str, Array]) -> Array | None:
        if self.labels is None:
            return None
        [output] = outputs.values()
        return scores(self.task, output, self.labels)


def _samples(artifact: KerasArtifact, config: QuantizeConfig, data: Dataset | None) -> tuple[list[Array], list[str]]:
    if not config.calibrated:
        if config.calibration is not None:
            raise InputError(f"--calibration is of no use with {config.name}: it needs no samples")
        return [], []
    names = [tensor.name for tensor in inputs_of(artifact.model)]
    inputs = [Input(*parts) for parts in zip(names, artifact.input_shapes(), artifact.input_types(), strict=True)]
    scaling = artifact.provenance.scaling if artifact.provenance else None
    found = calibration(config.calibration, inputs, data, scaling, artifact.name)
    if not found.arrays:
        raise InputError(
            f"{config.name} must be calibrated and {artifact.name} does not say which data it was trained on: give"
            " --data NAME, --data FILE.npz or --calibration FILE, or use --dynamic or --float16, which need none"
        )
    return found.arrays, list(found.notes)


def choose(start: Start, config: QuantizeConfig, progress: Progress) -> tuple[TfliteArtifact, list[str]]:
    """LiteRT Quantizer's file or the converter's: the smaller, unless it is worse; of the same size, the closer one."""
    made, judge = start.made, start.judge
    try:
        [ours] = quantize_file(made.artifact, config, start.feeds, progress)
    except ConversionError:
        if made.converter is None:
            raise
        return made.converter, ["quantized by the converter; LiteRT Quantizer failed on it"]
    theirs = made.converter
    if theirs is None:
        return ours, []
    candidates = {"LiteRT Quantizer": ours, "the converter": theirs}
    errors = {name: judge.error(candidate) for name, candidate in candidates.items()}
    told = ", ".join(f"{n} {len(a.payload):,} bytes with an error of {errors[n]:.2g}" for n, a in candidates.items())
    best = min(judge.drop(candidate) for candidate in candidates.values())
    far = max(FAR, TWICE * min(errors.values()))
    right = {n: a for n, a in candidates.items() if judge.drop(a) <= best + WORSE}
    sound = {n: a for n, a in right.items() if errors[n] <= far} or right
    smallest = min(len(candidate.payload) for candidate in sound.values())
    alike = {n: a for n, a in sound.items() if len(a.payload) <= smallest * (1 + SAME_SIZE)}
    name = min(alike, key=lambda name: errors[name])
    return alike[name], [f"quantized by {name}: {told} of the output on {judge.where}"]
