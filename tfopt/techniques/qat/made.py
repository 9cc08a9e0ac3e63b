"""The work of an engine of quantization-aware training."""

from dataclasses import dataclass

from tfopt.conversion.convert import FloatFile
from tfopt.core.outcome import Training
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import LayerChange


@dataclass(frozen=True)
class Made:
    """All that an engine makes of a model.

    Attributes:
        model: The trained model, its kernels rounded.
        file: The file of integers.
        before: The model that it was made from, as a float file.
        layers: What became of each layer.
        notes: Sentences for the report.
        history: Figures of each epoch.
        training: How it was trained.
    """

    model: KerasArtifact
    file: TfliteArtifact
    before: FloatFile
    layers: list[LayerChange]
    notes: list[str]
    history: list[dict[str, float]]
    training: Training
