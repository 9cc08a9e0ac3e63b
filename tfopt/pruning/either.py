"""Pruning by what was asked for: single weights, channels, or whole blocks."""

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.config import PruneConfig, StructuredConfig
from tfopt.data import Dataset
from tfopt.progress import Progress
from tfopt.pruning.prune import Pruned
from tfopt.pruning.prune import prune as prune_weights
from tfopt.pruning.shallower import prune_blocks
from tfopt.pruning.structured import prune_channels


def prune(
    artifact: KerasArtifact, config: PruneConfig | StructuredConfig, data: Dataset | None, progress: Progress
) -> Pruned:
    """Prune a copy of the model."""
    match config:
        case PruneConfig():
            return prune_weights(artifact, config, data, progress)
        case StructuredConfig(structured="layers"):
            return prune_blocks(artifact, config, data, progress)
        case StructuredConfig():
            return prune_channels(artifact, config, data, progress)
