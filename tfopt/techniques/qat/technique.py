"""The technique `qat`: training with simulated integers; on the command line it is `quantize --qat`."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.qat.config import QatConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class QuantizeAware(Technique[QatConfig]):
    """Train a model with rounded weights and activations and convert it to integers; writes a .keras as well."""

    name = "qat"
    config = QatConfig
    gives = "tflite"
    children = ("tfopt.conversion.lowering", "tfopt.techniques.quantization.quantizer_process")
    keeps = frozenset({"sparsity", "clusters"})
    command = "quantize"
    option = "qat"
    companions = (".keras",)

    def apply(self, artifact: "KerasArtifact", config: QatConfig, context: "Context") -> "Outcome":
        """Train a copy of the model for integers."""
        from tfopt.techniques.qat.qat import quantize_aware

        return quantize_aware(artifact, config, context)

    def check(self, artifact: "KerasArtifact", config: QatConfig, context: "Context") -> None:
        """Raise `InputError` if there are no data."""
        from tfopt.techniques.qat.qat import nothing_to_train_on

        if context.data is None:
            raise nothing_to_train_on(artifact.name)

    def plan(self, artifact: "KerasArtifact", config: QatConfig, context: "Context") -> "dict[str, Verdict]":
        """Say for how many bits each layer is trained; by TFMOT the model is rebuilt in tf_keras to see."""
        from tfopt.techniques.qat.qat import planned_layers

        return planned_layers(artifact, config)
