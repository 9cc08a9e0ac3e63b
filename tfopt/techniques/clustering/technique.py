"""The technique `cluster`: few distinct values in a kernel."""

from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.clustering.config import ClusterConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.report.inspection import Verdict


class Cluster(Technique[ClusterConfig]):
    """Let the weights of each kernel share few values, and train these."""

    name = "cluster"
    config = ClusterConfig
    ending = "-clustered.keras"
    keeps = frozenset({"sparsity"})
    has_targets = True
    examples = (
        "tfopt cluster model.keras --clusters 16",
        "tfopt cluster model-pruned.keras --clusters 32 --per channel --init density",
        "tfopt cluster model.keras --for ethos-u55-128",
    )

    def apply(self, artifact: "KerasArtifact", config: ClusterConfig, context: "Context") -> "Outcome":
        """Cluster a copy of the model."""
        from tfopt.techniques.clustering.cluster import cluster_weights

        return cluster_weights(artifact, config, context)

    def plan(self, artifact: "KerasArtifact", config: ClusterConfig, context: "Context") -> "dict[str, Verdict]":
        """Say which kernels have enough weights for the clusters."""
        from tfopt.graph.batch_norm_folding import find_foldable
        from tfopt.graph.replay import is_graph
        from tfopt.techniques.clustering.cluster import large_enough
        from tfopt.techniques.kernel_selection import targets, verdicts

        found, skipped = targets(artifact.model, config.exclude, artifact.name)
        large, small = large_enough(artifact.model, found, config)
        where = " in an output channel" if config.per == "channel" else ""
        able = {target.layer: f"at most {config.clusters} distinct values{where}" for target in large}
        pairs = find_foldable(artifact.model) if config.fold and is_graph(artifact.model) else {}
        folded = {name: f"folded into {into}" for name, into in pairs.items()}
        return verdicts(able, [*skipped, *small]) | verdicts(folded, [])
