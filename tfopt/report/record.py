"""The base of all that a report holds."""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    """Base of the report's parts: immutable plain data."""

    model_config = ConfigDict(frozen=True)


def _endless_of(given: object) -> object:
    return math.inf if given is None else given


Endless = Annotated[float, BeforeValidator(_endless_of)]  # JSON knows no infinite number: it is null there, and read so


def end_of(value: float) -> float | None:
    """Return the end of an interval; None if it has none, as with too few independent samples."""
    return value if math.isfinite(value) else None
