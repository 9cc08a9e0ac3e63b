"""The technique `quantize`: a `.tflite` file of small numbers, without training."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.quantization.config import QuantizeConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class Quantize(Technique[QuantizeConfig]):
    """Convert a model to LiteRT with 2-bit to 16-bit numbers, and run it before reporting; exit 1 if it collapsed."""

    name = "quantize"
    config = QuantizeConfig
    ending = "-{config.name}.tflite"
    gives = "tflite"
    children = ("tfopt.conversion.lowering", "tfopt.techniques.quantization.quantizer_process")
    trains = False
    keeps = frozenset({"sparsity", "clusters"})
    column = "int8"

    def apply(self, artifact: "KerasArtifact", config: QuantizeConfig, context: "Context") -> "Outcome":
        """Convert a model and quantize the file."""
        from tfopt.techniques.quantization.post_training import quantize_after_training

        return quantize_after_training(artifact, config, context)

    def check(self, artifact: "KerasArtifact", config: QuantizeConfig, context: "Context") -> None:
        """Raise `InputError` if there is nothing to calibrate on."""
        from tfopt.techniques.quantization.preparation import nothing_to_calibrate_on

        if config.calibrated and context.data is None and not isinstance(config.calibration, Path):
            raise nothing_to_calibrate_on(artifact.name, config)

    def plan(self, artifact: "KerasArtifact", config: QuantizeConfig, context: "Context") -> "dict[str, Verdict]":
        """Say which layers have kernels, and which normalizations are folded into them; the model is not converted."""
        from tfopt.techniques.quantization.plan import planned_layers

        samples = context.data is not None or isinstance(config.calibration, Path)
        return planned_layers(artifact, config, samples=samples)
