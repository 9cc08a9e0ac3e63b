"""How to cluster weights."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import Grain, Initialization
from tfopt.config.fields import Count, LearningRate, Seed
from tfopt.config.fine_tuning import TaughtConfig


class ClusterConfig(TaughtConfig):
    """How to cluster: each kernel (or each of its output channels) has at most `clusters` distinct values."""

    clusters: Annotated[int, Field(ge=2, le=256)] = 16
    init: Initialization = "kmeans++"
    per: Grain = "layer"
    keep_sparsity: bool = True
    exclude: str | None = None
    epochs: Count = 5
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-4
    seed: Seed = 0
