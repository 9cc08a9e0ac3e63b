"""Which architectures to compare, and at which budget."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Arch
from tfopt.config.fields import Config, Count
from tfopt.training.config import TrainConfig

PARAMETERS = 20_000


class ShootoutConfig(Config):
    """`archs` are trained with the seeds 0, 1, ... of `seeds`, each as `training` says.

    The budget is a number of `parameters`, to which widths are fitted, or `seconds` of training for each, at the size
    of `training`; None for both is 20,000 parameters.
    """

    archs: Annotated[tuple[Arch, ...], Field(min_length=1)] = ("mlp", "cnn", "rnn", "transformer", "hybrid")
    seeds: Annotated[int, Field(ge=1, le=100)] = 3
    parameters: Count | None = None
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    training: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.parameters and self.seconds:
            raise ValueError("--parameters and --seconds are two budgets; give one of them")
        if len(set(self.archs)) < len(self.archs):
            raise ValueError(f"--arch {','.join(self.archs)} names an architecture twice")
        return self

    @property
    def budget(self) -> int | None:
        """Parameters that each may have; None if time is the budget."""
        return None if self.seconds else self.parameters or PARAMETERS
