"""The config of a model to build."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Arch, Cell, Parts, Size
from tfopt.config.fields import Config, Count, Seed

Rate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class ModelConfig(Config):
    """Names an architecture and a size, and has options that override what the size says.

    `arch` None is what suits the data. `width` and `depth` count what they do in each builder. `residual`, and how many
    `blocks` of each width there are in such a net, are for cnn, `cell` and `bidirectional` for rnn and hybrid, `parts`
    (what follows the convolutions) for hybrid, `heads` for everything with attention.
    """

    arch: Arch | None = None
    size: Size = "small"
    width: Count | None = None
    depth: Count | None = None
    dropout: Rate | None = None
    residual: bool = False
    blocks: Count = 1
    cell: Cell = "lstm"
    bidirectional: bool = False
    parts: Parts = "rnn"
    heads: Count | None = None

    @model_validator(mode="after")
    def _blocks_are_residual(self) -> Self:
        if self.blocks > 1 and not self.residual:
            raise ValueError(f"--blocks {self.blocks} needs --residual")
        return self


class BuildConfig(ModelConfig):
    """Names a model to build, and the seed of its first weights."""

    seed: Seed = 0
