"""The technique `structured`: fewer channels, heads or blocks; on the command line it is `prune --structured`."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.structured.config import StructuredConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class Structured(Technique[StructuredConfig]):
    """Remove channels, heads or blocks of a model and fine-tune the rest."""

    name = "structured"
    config = StructuredConfig
    ending = "-pruned.keras"
    command = "prune"
    option = "structured"
    examples = (
        "tfopt prune model.keras --structured filters --amount 0.5",
        "tfopt prune model.keras --structured auto --target-macs 0.4 --importance taylor",
    )

    def apply(self, artifact: "KerasArtifact", config: StructuredConfig, context: "Context") -> "Outcome":
        """Remove structures from a copy of the model."""
        if config.structured == "layers":
            from tfopt.techniques.structured.block_removal import prune_blocks

            return prune_blocks(artifact, config, context)
        from tfopt.techniques.structured.channel_pruning import prune_channels

        return prune_channels(artifact, config, context)

    def check(self, artifact: "KerasArtifact", config: StructuredConfig, context: "Context") -> None:
        """Raise `InputError` if there are no data."""
        from tfopt.techniques.structured.block_removal import nothing_to_measure_on

        if config.structured == "layers" and context.data is None:
            raise nothing_to_measure_on()

    def plan(self, artifact: "KerasArtifact", config: StructuredConfig, context: "Context") -> "dict[str, Verdict]":
        """Say how many channels leave each layer; the smaller model is not made."""
        from tfopt.techniques.structured.plan import planned_layers

        return planned_layers(artifact, config, context)
