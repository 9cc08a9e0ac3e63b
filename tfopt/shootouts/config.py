"""The architectures to compare, and their budget."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Arch
from tfopt.config.fields import Config, Count, Option
from tfopt.training.config import TrainConfig

PARAMETERS = 20_000


class ShootoutConfig(Config):
    """`archs` are trained with the seeds 0, 1, ... of `seeds`, each as `training` says.

    The budget is a number of `parameters`, to which widths are fitted, or `seconds` of training for each, at the size
    of `training`; None for both is 20,000 parameters.
    """

    archs: Annotated[
        tuple[Arch, ...], Field(min_length=1, description="Architectures to compare."), Option("NAME,...", "--arch")
    ] = ("mlp", "cnn", "rnn", "transformer", "hybrid")
    seeds: Annotated[
        int, Field(ge=1, le=100, description="Trainings of each, with the seeds 0, 1, ..."), Option("N")
    ] = 3
    parameters: Annotated[
        Count | None,
        Field(description=f"Weights that each may have; widths are fitted to it ({PARAMETERS:,})."),
    ] = None
    seconds: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(description="Instead: seconds of training that each may take, at `size`."),
        Option("S"),
    ] = None
    training: Annotated[TrainConfig, Field(description="How each is trained."), Option(offered=False)] = TrainConfig()

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.parameters and self.seconds:
            raise ValueError("`parameters` and `seconds` are two budgets; give one of them")
        if len(set(self.archs)) < len(self.archs):
            raise ValueError(f"`archs` {','.join(self.archs)} names an architecture twice")
        return self

    @property
    def budget(self) -> int | None:
        """Parameters that each may have; None if time is the budget."""
        return None if self.seconds else self.parameters or PARAMETERS
