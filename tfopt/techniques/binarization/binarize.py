"""Binarization of a Keras model: kernels become signs times a scale, by training with them or by careful rounding."""

from dataclasses import dataclass
from pathlib import Path

import keras

from tfopt.conversion.convert import convert
from tfopt.data import Dataset, match
from tfopt.errors import InputError, TfoptError
from tfopt.evaluation.scores import described, drop
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.layer_names import leaves
from tfopt.graph.model_copy import compiled_like, rebuilt
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.binarization.bits import Bits, bits_of
from tfopt.techniques.binarization.by_rounding import best_rounding, scored
from tfopt.techniques.binarization.by_training import trained
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import Plan, plan
from tfopt.techniques.binarization.low_bit_file import low_bit_file
from tfopt.techniques.binarization.outcome import changes
from tfopt.techniques.binarization.packed_layer import packed
from tfopt.techniques.binarization.rounding import Levels
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import quantize
from tfopt.training.seeds import seed_everything
from tfopt.typing import Array

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
        made = best_rounding(model, chosen.levels, data, artifact.name, progress)
    else:
        made = trained(artifact, chosen, config, data, progress)
    few_bits = low_bit_file(
        made.model, chosen.levels, f"{Path(name).stem}.tflite", data.calibration.rows(slice(CHECKED)).inputs, progress
    )
    others, remarks = _others(artifact, data, progress)
    notes = [
        *made.notes,
        f"the .tflite answers as the .keras does but for {few_bits.error:.1%} of the output",
        *remarks,
    ]
    if config.mode == "binary" and not config.activations:
        notes += _ternary(model, chosen, data, scored(made.model, data), progress)
    return Binarized(
        compiled_like(artifact.model, made.model if config.plain else packed(made.model, chosen.levels, artifact.name)),
        few_bits.artifact,
        others,
        bits_of(made.model, chosen.levels),
        changes(model, chosen, made, few_bits.held, nested),
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


def _ternary(model: keras.Model, chosen: Plan, data: Dataset, binary: Array, progress: Progress) -> list[str]:
    """What signs and zeros would do, without training, if that is better than what was made."""
    levels: dict[str, Levels] = {name: "int8" if own == "int8" else "ternary" for name, own in chosen.levels.items()}
    ternary = scored(best_rounding(model, levels, data, model.name, progress).model, data)
    if drop(data.task, binary, ternary) >= 0:
        return []
    return [
        "--mode ternary is better, in a .tflite of the same size: even without training it has"
        f" {described(data.task, ternary)} on {len(data.validation)} validation samples, where binary weights have"
        f" {described(data.task, binary)}"
    ]
