"""The technique `binarize`: weights of one bit, or of a sign and zero."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.typing import Json

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict
    from tfopt.report.schema import Report


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

    def check(self, artifact: "KerasArtifact", config: BinarizeConfig, context: "Context") -> None:
        """Raise `InputError` if there are no data."""
        from tfopt.techniques.binarization.binarize import nothing_to_learn_from

        if context.data is None:
            raise nothing_to_learn_from(artifact.name)

    def plan(self, artifact: "KerasArtifact", config: BinarizeConfig, context: "Context") -> "dict[str, Verdict]":
        """Say which layers are binarized, which are kept at 8 bits, and why the others stay float."""
        from tfopt.techniques.binarization.layer_plan import planned_layers

        return planned_layers(artifact, config)

    def verdicts(self, report: "Report", facts: Json) -> list[str]:
        """Say how many bits a weight takes, what it does to speed, and whether int8 is the better choice."""
        from tfopt.techniques.binarization.verdicts import Bits, verdicts

        return verdicts(report, Bits(**facts))
