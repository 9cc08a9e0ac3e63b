"""What every config has in common: it is immutable, checks itself, and knows no field but its own."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class Config(BaseModel):
    """Base of all configs: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
