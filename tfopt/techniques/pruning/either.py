"""Pruning by what was asked for: single weights, channels, or whole blocks."""

from tfopt.data import Dataset
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.runtime.progress import Progress
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.prune import Pruned
from tfopt.techniques.pruning.prune import prune as prune_weights
from tfopt.techniques.structured.block_removal import prune_blocks
from tfopt.techniques.structured.channel_pruning import prune_channels
from tfopt.techniques.structured.config import StructuredConfig


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
