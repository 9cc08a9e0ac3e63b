"""Debugging: the error that quantizing adds at each layer, or the loss that comes if channels leave, worst first."""

from collections.abc import Sequence

from tfopt.core.context import Context
from tfopt.core.result import report_of
from tfopt.data.dataset import Dataset
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.schema import Report
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.debugging import debug_layers
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.sensitivity import group_losses


def debug_report(
    artifact: KerasArtifact,
    config: QuantizeConfig | StructuredConfig,
    data: Dataset | None,
    notes: Sequence[str],
    progress: Progress,
) -> Report:
    """Return what a technique does to each layer or group of channels; nothing is written.

    Args:
        artifact: The model.
        config: Says how it would be quantized, or how channels would leave.
        data: The data, if there are any.
        notes: Sentences for the report.
        progress: Shows how far the work is.
    """
    context = Context.of(data, progress).judged_as(config)
    if isinstance(config, StructuredConfig):
        groups, remarks = group_losses(artifact, config, context)
        report = report_of("debug", config, data, [artifact], progress, notes=[*notes, *remarks])
        return report.model_copy(update={"groups": groups})
    before, after, errors, remarks = debug_layers(artifact, config, context)
    report = report_of("debug", config, data, [before, after], progress, notes=[*notes, *remarks])
    return report.model_copy(update={"errors": errors})
