"""Debugging measures at each layer the noise that quantization adds, and the accuracy that it costs by itself."""

from tfopt.core.context import Context
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import LayerError
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import named_as_in
from tfopt.techniques.quantization.preparation import prepare
from tfopt.techniques.quantization.sensitivity import SAMPLES, all_but_each, layer_errors, layers_of


def debug_layers(
    artifact: KerasArtifact, config: QuantizeConfig, context: Context
) -> tuple[TfliteArtifact, TfliteArtifact, list[LayerError], list[str]]:
    """Quantize, and say for each layer what that does to it.

    Returns:
        The float file, the quantized one, the errors of the layers, worst first, and notes.

    Raises:
        InputError: If there are no samples.
    """
    prepared, progress = prepare(artifact, config, context), context.progress
    made, reference = prepared.made, prepared.reference
    found = layers_of(made.model, made.artifact)
    prepared, whole, settled = prepared.settled(config, progress)
    if not reference.feeds:
        raise InputError(
            f"tfopt debug needs samples for {artifact.name}: give `data` NAME, `data` FILE.npz or `calibration`"
        )
    errors = layer_errors(found, made.artifact, whole, reference.sample(SAMPLES))
    if reference.scores is not None:
        singles = prepared.files(config, progress, all_but_each(found, [error.layer for error in errors]))
        with progress.task("quantizing one layer at a time", len(errors)) as advance:
            measured = []
            for error, single in zip(errors, singles, strict=True):
                measured.append(error.model_copy(update={"drop": reference.drop(single)}))
                advance(1, error.layer)
            errors = measured
    errors = [named_as_in(artifact.model, error) for error in errors]
    notes = [
        *prepared.notes,
        *settled,
        f"errors measured on {reference.evaluator.name}, {SAMPLES} samples for the figures of each layer",
    ]
    return made.artifact, whole, errors, notes
