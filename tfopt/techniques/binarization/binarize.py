"""Binarization of a Keras model: kernels become signs times a scale, by training with them or by careful rounding."""

from pathlib import Path

import keras

from tfopt.conversion.convert import convert
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, TfoptError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import compile_like, rebuild
from tfopt.runtime.progress import Progress
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_changes import changes
from tfopt.techniques.binarization.layer_plan import Plan, plan
from tfopt.techniques.binarization.low_bit_file import low_bit_file
from tfopt.techniques.binarization.packed_layer import packed
from tfopt.techniques.binarization.post_training import best_rounding
from tfopt.techniques.binarization.training import train_rounded
from tfopt.techniques.binarization.verdicts import bits_of
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import quantize_after_training
from tfopt.techniques.rounding.levels import Levels
from tfopt.training.seeds import seed_everything

CHECKED = 32  # samples that a file is run on


def binarize_weights(artifact: KerasArtifact, config: BinarizeConfig, context: Context) -> Outcome:
    """Binarize a copy of the model; zeros, clusters and ranges that it had are not kept.

    Raises:
        InputError: Without data, or if it is binarized already.
        UnsupportedError: If there is nothing to binarize, or its graph is not known.
    """
    data, evaluator, progress = context.data, context.evaluator, context.progress
    if data is None or evaluator is None:
        raise nothing_to_learn_from(artifact.name)
    seed_everything(config.seed)
    model = rebuild(artifact.model, artifact.name)
    nested = {name.replace("/", "_"): name for name, _ in named_layers(artifact.model)}
    chosen = plan(model, config, artifact.name, nested)
    if config.post_training:
        made = best_rounding(model, chosen.levels, data, evaluator, artifact.name, progress)
    else:
        made = train_rounded(artifact, chosen, config, data, progress)
    title = f"{Path(artifact.name).stem}-{config.mode}.tflite"
    few_bits = low_bit_file(made.model, chosen.levels, title, data.calibration.sample(CHECKED).inputs, progress)
    float_and_int8, remarks = _alternatives(artifact, context)
    notes = [
        *made.notes,
        f"the .tflite answers as the .keras does but for {few_bits.error:.1%} of the output",
        *remarks,
    ]
    if config.mode == "binary" and not config.activations:
        notes += _ternary(model, chosen, data, evaluator, made.model, progress)
    stored = made.model if config.plain else packed(made.model, chosen.levels, artifact.name)
    after = KerasArtifact.from_model(compile_like(artifact.model, stored), artifact.name, deflated=not config.plain)
    return Outcome(
        after,
        companions=(few_bits.artifact,),
        measured=(artifact, after, *float_and_int8, few_bits.artifact),
        layers=changes(model, chosen, made, few_bits.held, nested),
        notes=notes,
        history=made.history,
        training=made.training,
        facts=bits_of(made.model, chosen.levels)._asdict(),
    )


def nothing_to_learn_from(name: str) -> InputError:
    """Return what is said where there are no data."""
    return InputError(
        f"{name} does not say which data it was trained on, and signs alone destroy a model: give `data` NAME or `data`"
        " FILE.npz to train on, or to round by with `post_training`"
    )


def _alternatives(artifact: KerasArtifact, context: Context) -> tuple[list[Artifact], list[str]]:
    """Return the original as a float and, if that works, as an int8 file; else a note why not."""
    try:
        [_, *files] = quantize_after_training(artifact, QuantizeConfig(), context).measured
    except TfoptError as error:
        return [convert(artifact, context.progress).artifact], [f"not compared with int8: {error}"]
    return files, []


def _ternary(
    model: keras.Model, chosen: Plan, data: Dataset, evaluator: Evaluator, made: keras.Model, progress: Progress
) -> list[str]:
    """Say what signs and zeros would do, without training, if that is better than what was made."""
    binary = evaluator.judge(made)
    levels: dict[str, Levels] = {name: "int8" if own == "int8" else "ternary" for name, own in chosen.levels.items()}
    ternary = evaluator.judge(best_rounding(model, levels, data, evaluator, model.name, progress).model)
    if evaluator.drop(binary, ternary) >= 0:
        return []
    return [
        "`mode` ternary is better, in a .tflite of the same size: even without training it has"
        f" {evaluator.described(ternary)} on {len(evaluator)} validation samples, where binary weights have"
        f" {evaluator.described(binary)}"
    ]
