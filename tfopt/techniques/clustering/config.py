"""Options of weight clustering."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import Grain, Initialization
from tfopt.config.fields import AdamRate, BatchSize, Epochs, Exclude, Option, Seed
from tfopt.config.fine_tuning import TaughtConfig


class ClusterConfig(TaughtConfig):
    """Options of clustering: each kernel (or each of its output channels) has at most `clusters` distinct values."""

    clusters: Annotated[
        int, Field(ge=2, le=256, description="Most distinct values in a kernel, from 2 to 256."), Option("N")
    ] = 16
    init: Annotated[Initialization, Field(description="Where the search for the values starts.")] = "kmeans++"
    per: Annotated[Grain, Field(description="Share values in a whole kernel or in each output channel.")] = "layer"
    keep_sparsity: Annotated[bool, Field(description="Keep the zeros of a pruned model.")] = True
    exclude: Exclude = None
    epochs: Epochs = 5
    batch_size: BatchSize = 64
    learning_rate: AdamRate = 1e-4
    seed: Seed = 0
