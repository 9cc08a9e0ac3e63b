"""Options of weight clustering."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import Grain, Initialization
from tfopt.config.fields import BatchSize, Epochs, Exclude, LearningRate, Option, Seed
from tfopt.config.fine_tuning import TaughtConfig

RATE = 1e-4
RELATIVE_RATE = 3e-3  # of kernels, whose sizes differ by far once normalizations are folded into them


class ClusterConfig(TaughtConfig):
    """Options of clustering: each kernel (or each of its output channels) has at most `clusters` distinct values."""

    clusters: Annotated[
        int, Field(ge=2, le=256, description="Most distinct values in a kernel, from 2 to 256."), Option("N")
    ] = 16
    init: Annotated[Initialization, Field(description="Where the search for the values starts.")] = "kmeans++"
    per: Annotated[Grain, Field(description="Share values in a whole kernel or in each output channel.")] = "layer"
    fold: Annotated[
        bool,
        Field(
            description="First fold normalizations into the kernels before them, as .tflite files have them: what a"
            " whole kernel shares is shared there only then."
        ),
    ] = False
    keep_sparsity: Annotated[bool, Field(description="Keep the zeros of a pruned model.")] = True
    exclude: Exclude = None
    epochs: Epochs = 5
    batch_size: BatchSize = 64
    learning_rate: Annotated[
        LearningRate | None,
        Field(
            description=f"Learning rate of Adam ({RATE:g}); with `fold` it is relative to the size of each kernel"
            f" ({RELATIVE_RATE:g})."
        ),
    ] = None
    seed: Seed = 0

    @property
    def rate(self) -> float:
        """Return the learning rate."""
        return self.learning_rate or (RELATIVE_RATE if self.fold else RATE)
