"""The techniques `convert`, `to-keras` and `to-onnx`: another format, the same numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.core.technique import Technique

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact


class Convert(Technique[FloatConfig]):
    """Convert a model to LiteRT in float32, the baseline of quantized files, or a file of Keras 2 to Keras 3."""

    name = "convert"
    config = FloatConfig
    ending = ".tflite"
    gives = "tflite"
    children = ("tfopt.conversion.lowering",)
    trains = False
    keeps = frozenset({"sparsity"})  # clusters only within a channel: normalizations are folded into kernels

    def apply(self, artifact: "KerasArtifact", config: FloatConfig, context: "Context") -> "Outcome":
        """Convert a model to a float file, without its zeros if that is smaller."""
        from tfopt.conversion.sparse_encoding import float_file
        from tfopt.core.outcome import Outcome

        after, before, notes = float_file(artifact, config, context.progress)
        return Outcome(after, measured=[artifact, *([before] if before else []), after], notes=notes)


class ToKerasConfig(Config):
    """Nothing can be asked for."""


class ToKeras(Technique[ToKerasConfig]):
    """Write a model, such as one of Keras 2, as a file of Keras 3."""

    name = "to-keras"
    config = ToKerasConfig
    ending = ".keras"
    trains = False
    keeps = frozenset({"sparsity", "clusters"})
    command = "convert"

    def apply(self, artifact: "KerasArtifact", config: ToKerasConfig, context: "Context") -> "Outcome":
        """Write the model as it is."""
        from tfopt.core.outcome import Outcome
        from tfopt.formats.keras.artifact import KerasArtifact

        made = KerasArtifact.from_model(artifact.model, Path(artifact.name).stem)
        return Outcome(made, measured=[made])


class ToOnnxConfig(Config):
    """Nothing can be asked for."""


class ToOnnx(Technique[ToOnnxConfig]):
    """Convert a model to ONNX, which onnxruntime and the tools of many chip makers read."""

    name = "to-onnx"
    config = ToOnnxConfig
    ending = ".onnx"
    gives = "onnx"
    trains = False
    command = "convert"

    def apply(self, artifact: "KerasArtifact", config: ToOnnxConfig, context: "Context") -> "Outcome":
        """Export the model and run the file."""
        from tfopt.core.outcome import Outcome
        from tfopt.runtime.packages import installed

        for package in ("onnxruntime", "tf2onnx"):
            installed(package)
        from tfopt.conversion.onnx import to_onnx

        made, notes = to_onnx(artifact, context.progress)
        return Outcome(made, measured=[artifact, made], notes=notes)
