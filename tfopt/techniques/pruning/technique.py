"""The technique `prune`: zeros in the kernels."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.pruning.config import PruneConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class Prune(Technique[PruneConfig]):
    """Set the smallest weights of a model to zero and fine-tune the rest."""

    name = "prune"
    config = PruneConfig
    ending = "-pruned.keras"
    keeps = frozenset({"sparsity"})
    has_targets = True
    examples = (
        "tfopt prune model.keras --sparsity 0.5",
        "tfopt prune model.keras --sparsity 0.8 --scope global --exclude classes -o small.keras",
        "tfopt prune model.keras --pattern 2:4",
        "tfopt prune model.keras --for ethos-u85-256",
        "tfopt prune model.keras --sparsity 0.9 --teacher self",
        "tfopt prune theirs.keras --data samples.npz --scale none",
    )

    def apply(self, artifact: "KerasArtifact", config: PruneConfig, context: "Context") -> "Outcome":
        """Prune a copy of the model."""
        from tfopt.techniques.pruning.prune import prune_weights

        return prune_weights(artifact, config, context)

    def plan(self, artifact: "KerasArtifact", config: PruneConfig, context: "Context") -> "dict[str, Verdict]":
        """Say which layers have kernels that can be pruned."""
        from tfopt.techniques.pruning.prune import planned_layers

        return planned_layers(artifact, config)
