"""The config of a model to build."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Arch, Cell, Parts, Size
from tfopt.config.fields import Config, Count, Option, Rate, Seed


class ModelConfig(Config):
    """Names an architecture and a size, and has options that override what the size says.

    `arch` None is what suits the data. `width` and `depth` count what they do in each builder. `residual`, and how many
    `blocks` of each width there are in such a net, are for cnn, `cell` and `bidirectional` for rnn and hybrid, `parts`
    (what follows the convolutions) for hybrid, `heads` for everything with attention.
    """

    panel: ClassVar[str] = "Model"

    arch: Annotated[Arch | None, Field(description="Architecture; left out: one that suits the data.")] = None
    size: Annotated[Size, Field(description="How wide and deep it is.")] = "small"
    width: Annotated[Count | None, Field(description="Filters or units, in place of the size's.")] = None
    depth: Annotated[Count | None, Field(description="Blocks or layers, in place of the size's.")] = None
    dropout: Annotated[
        Rate | None,
        Field(description="Share of activations dropped in training (0.2, or by `arch`)."),
        Option("RATE"),
    ] = None
    residual: Annotated[
        bool, Field(description="Residual blocks in `arch` cnn."), Option(flag="--residual/--plain")
    ] = False
    blocks: Annotated[Count, Field(description="Residual blocks of each width.")] = 1
    cell: Annotated[Cell, Field(description="Recurrent layers of `arch` rnn and hybrid.")] = "lstm"
    bidirectional: Annotated[
        bool,
        Field(description="Read sequences in both directions: `arch` rnn and hybrid."),
        Option(flag="--bidirectional/--forward"),
    ] = False
    parts: Annotated[Parts, Field(description="What follows the convolutions of `arch` hybrid.")] = "rnn"
    heads: Annotated[Count | None, Field(description="Attention heads.")] = None

    @model_validator(mode="after")
    def _blocks_are_residual(self) -> Self:
        if self.blocks > 1 and not self.residual:
            raise ValueError(f"`blocks` {self.blocks} needs `residual`")
        return self


class BuildConfig(ModelConfig):
    """Names a model to build, and the seed of its first weights."""

    seed: Seed = 0
