"""Post-training quantization: a trained model becomes a `.tflite` file without further training.

The file is made by LiteRT Quantizer from the float one; where activations are calibrated, the converter's own
quantization is tried as well, and the better of the two is kept by what they do on the validation split.
"""

import contextlib

from tfopt.config.choices import Precision
from tfopt.conversion.convert import convert
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.errors import ConversionError, UnsupportedError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.fidelity import Unlabelled
from tfopt.evaluation.limits import limit_for
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import float_operations
from tfopt.formats.tflite.packing import packed_size
from tfopt.formats.tflite.shared_weights import kernels_that_share
from tfopt.graph.random_inputs import random_inputs
from tfopt.report.inspection import Verdict
from tfopt.report.schema import GateResult
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import layer_changes
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.preparation import Prepared, prepare
from tfopt.techniques.quantization.sensitivity import spare_layers

FAR, TWICE = 0.05, 2  # an error that large, and so many times the other's, is not outweighed either
SAME_SIZE = 0.02
SHOWN, SHORT = 5, 60  # operations that are named, and letters of a name
SMALLER: tuple[Precision, ...] = ("dynamic", "float16")  # widths that need no samples
TRIED = 8  # random samples that a model is tried on


def quantize_after_training(artifact: KerasArtifact, config: QuantizeConfig, context: Context) -> Outcome:
    """Quantize after training; what is calibrated is so on the calibration split, or on what `config` says.

    Zeros stay zero and equal weights of one output channel stay equal.

    Raises:
        InputError: If there is nothing to calibrate on.
        ConversionError: If the model cannot be converted.
        UnsupportedError: If nothing was quantized.
    """
    limit = limit_for(config, context.task)
    prepared = prepare(artifact, config, context)
    made, reference = prepared.made, prepared.reference
    prepared, chosen, notes = choose(prepared, config, context.progress)
    notes = told_of_size(chosen, made.artifact, context.progress) + prepared.notes + notes
    gates: list[GateResult] = []
    if limit and reference.scores is not None:
        if config.limited and not config.budgeted and not limit.holds(reference.worsening(chosen, limit.level)):
            chosen, remarks = spare_layers(prepared.budget(config, limit), chosen, context.progress)
            notes += remarks
        gates.append(limit.result(chosen.name, reference.worsening(chosen, limit.level), "validation"))
        notes.append(limit.held_on(len(reference.evaluator), reference.evaluator.name))
    notes += prepared.remarks(chosen)
    budget, told_of_it = prepared.held(config, chosen)
    gates, notes = gates + budget, notes + told_of_it
    if config.static:
        held, told = hold_to_integers(chosen, full=config.full_integer)
        gates += held
        notes.append(told)
        if shared := kernels_that_share(chosen.payload, made.artifact.payload):
            notes.append(f"{len(shared)} kernels have one scale for all channels: their values stay shared as integers")
    layers = prepared.layers(artifact, chosen)
    if not any(change.action == "quantized" for change in layers):
        raise UnsupportedError(
            f"{artifact.name} has no layer that LiteRT can store as {config.name}: the file would be the float one"
        )
    given = list(prepared.feeds.values())
    samples = Unlabelled(given, "the calibration samples") if given else None
    measured = (artifact, made.artifact, chosen)
    return Outcome(chosen, measured=measured, layers=layers, notes=notes, gates=gates, samples=samples)


def told_of_size(file: TfliteArtifact, source: TfliteArtifact, progress: Progress) -> list[str]:
    """Say so if a file is no smaller than the float one, and which other width is."""
    size, before = packed_size(file.payload), packed_size(source.payload)
    if size < before:
        return []
    sizes: dict[Precision, int] = {}
    for precision in SMALLER:
        with contextlib.suppress(ConversionError):
            [other] = quantize_files(source, QuantizeConfig(precision=precision), {}, progress)
            sizes[precision] = packed_size(other.payload)
    best = min(sizes, key=lambda precision: sizes[precision], default=None)
    better = "no other width has less"
    if best and sizes[best] < before:
        better = f"`precision` {best} takes {sizes[best]:,}"
    return [f"{file.name} is no smaller than the float file, {size:,} bytes for {before:,}: {better}"]


def hold_to_integers(file: TfliteArtifact, *, full: bool) -> tuple[list[GateResult], str]:
    """Say how many operations of a file compute in integers, and name the others; with `full` there may be none.

    Operations are told by their kinds and the beginning of their names, which are those of layers.
    """
    floats, count = float_operations(file.payload)
    gates = []
    if full:
        gates.append(GateResult(gate="full-integer", name=file.name, limit=0, found=len(floats), passed=not floats))
    if not floats:
        return gates, f"all {count} operations compute in integers"
    named = [f"{one.kind} ({next(iter(one.outputs), '').split(';')[0][:SHORT]})" for one in floats[:SHOWN]]
    others = f" and {len(floats) - SHOWN} more" if len(floats) > SHOWN else ""
    return gates, f"{len(floats)} of {count} operations compute in floats: {', '.join(named)}{others}"


def choose(
    prepared: Prepared, config: QuantizeConfig, progress: Progress
) -> tuple[Prepared, TfliteArtifact, list[str]]:
    """LiteRT Quantizer's file or the converter's: the smaller, unless it is worse; of the same size, the closer one.

    Returns:
        What is prepared for further files, the file, and notes on the choice.
    """
    made, reference = prepared.made, prepared.reference
    try:
        prepared, ours, notes = prepared.settled(config, progress)
    except ConversionError as error:
        if made.converter is None:
            raise
        return prepared, made.converter, [f"quantized by the converter; LiteRT Quantizer failed: {error}"]
    theirs = made.converter
    if theirs is None:
        return prepared, ours, [*notes, f"the converter did not quantize it: {made.failure}"] if made.failure else notes
    candidates = {"LiteRT Quantizer": ours, "the converter": theirs}
    errors = {name: reference.error(candidate) for name, candidate in candidates.items()}
    sizes = {name: packed_size(candidate.payload) for name, candidate in candidates.items()}
    told = ", ".join(f"{n} {sizes[n]:,} bytes with an error of {errors[n]:.2g}" for n in candidates)
    best = min(reference.drop(candidate) for candidate in candidates.values())
    far = max(FAR, TWICE * min(errors.values()))
    right = {n: a for n, a in candidates.items() if reference.drop(a) <= best + reference.evaluator.tolerance}
    sound = {n: a for n, a in right.items() if errors[n] <= far} or right
    smallest = min(sizes[name] for name in sound)
    alike = {n: a for n, a in sound.items() if sizes[n] <= smallest * (1 + SAME_SIZE)}
    name = min(alike, key=lambda name: errors[name])
    notes = notes if alike[name] is ours else []  # they are of the ranges that ours has
    return prepared, alike[name], [*notes, f"quantized by {name}: {told} of the output on {reference.evaluator.name}"]


def int8_verdicts(artifact: KerasArtifact, progress: Progress) -> dict[str, Verdict]:
    """Say what the file of `tfopt quantize --int8` holds of each layer, with ranges from random samples."""
    arrays = [tensor.numpy() for tensor in random_inputs(artifact.model, batch=TRIED)]
    made = convert(artifact, progress, static="int8", calibration=arrays)
    feeds = dict(zip(made.inputs, arrays, strict=True))
    reference = Evaluator.without_labels(arrays, "random samples").against(made.artifact)
    _, file, _ = choose(Prepared(made, feeds, reference, []), QuantizeConfig(), progress)
    return {
        change.layer: Verdict(
            can=change.action != "skipped",
            detail=f"folded {change.detail}" if change.action == "folded" else change.detail,
        )
        for change in layer_changes(made.model, file.payload)
    }
