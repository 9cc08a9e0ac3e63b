"""The technique `binarize`: weights of one bit, or of a sign and zero."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.binarization.config import BinarizeConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class Binarize(Technique[BinarizeConfig]):
    """Give each weight one bit, by training or by careful rounding; writes a .keras and a .tflite file."""

    name = "binarize"
    config = BinarizeConfig
    ending = "-{config.mode}.keras"
    companions = (".tflite",)
    examples = (
        "tfopt binarize model.keras",
        "tfopt binarize model.keras --mode ternary --post-training",
        "tfopt binarize model.keras --all-layers --epochs 40 -o tiny.keras",
        "tfopt binarize model.keras --plain -o for-everyone.keras",
    )

    def apply(self, artifact: "KerasArtifact", config: BinarizeConfig, context: "Context") -> "Outcome":
        """Binarize a copy of the model."""
        from tfopt.techniques.binarization.binarize import binarize_weights

        return binarize_weights(artifact, config, context)

    def layer_verdicts(self, artifact: "KerasArtifact", context: "Context") -> "dict[str, Verdict]":
        """Say which layers are binarized, which are kept at 8 bits, and why the others stay float."""
        from tfopt.techniques.binarization.layer_plan import layer_verdicts

        return layer_verdicts(artifact)
