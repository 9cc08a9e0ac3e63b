"""Post-training quantization: a trained model becomes a `.tflite` file without further training."""

from dataclasses import dataclass
from pathlib import Path

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.artifacts.tflite_file import TfliteArtifact
from tfopt.config import QuantizeConfig
from tfopt.data import Dataset, match
from tfopt.errors import InputError
from tfopt.litert.convert import convert
from tfopt.litert.job import Job
from tfopt.progress import Progress
from tfopt.quantization.layers import layer_changes
from tfopt.report.report import LayerChange


@dataclass(frozen=True)
class Quantized:
    """The quantized artifact, the float `.tflite` it is to be compared with, and what happened to each layer."""

    artifact: TfliteArtifact
    float_artifact: TfliteArtifact
    layers: list[LayerChange]
    notes: list[str]


def quantize(artifact: KerasArtifact, config: QuantizeConfig, data: Dataset | None, progress: Progress) -> Quantized:
    """Quantize after training; int8 is calibrated on the calibration split, the other precisions need no data.

    Zeros stay zero and equal weights of one output channel stay equal. Raises `InputError` if int8 has no data and
    `ConversionError` if the model cannot be converted.
    """
    calibration = None
    notes = []
    if config.precision == "int8":
        if data is None:
            raise InputError(
                f"--int8 must be calibrated and {artifact.name} does not say which data it was trained on:"
                " give --data NAME or --data FILE.npz, or use --dynamic or --float16, which need none"
            )
        calibration = match(data, artifact.name, artifact.input_shapes(), artifact.output_shapes()).calibration.x
        notes.append(f"activation ranges calibrated on {len(calibration)} samples of the calibration split")
    converted = convert(
        artifact.payload,
        artifact.name,
        Job(precision=config.precision, io=config.io),
        progress,
        calibration=calibration,
    )
    stem = Path(artifact.name).stem
    return Quantized(
        TfliteArtifact(f"{stem}-{config.precision}.tflite", converted.quantized),
        TfliteArtifact(f"{stem}-float.tflite", converted.float32),
        layer_changes(artifact.model, converted.quantized),
        notes,
    )
