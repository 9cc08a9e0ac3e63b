"""The values that a model was fed in its training, so that data on another scale are noticed later."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat

from tfopt.data.dataset import Dataset, Split

LOOKED_AT = 256  # samples
SPREAD_FACTOR = 4  # values that spread this many times wider or narrower are on another scale
SHIFT = 4  # as are those whose mean is this many standard deviations away


class FedValues(BaseModel):
    """Mean, standard deviation and range of the values of a sample of the train split, as the model is fed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: FiniteFloat
    deviation: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat

    @classmethod
    def of(cls, data: Dataset) -> Self | None:
        """Return those of a data set; None for texts, which have no scale, and where there is nothing to train on."""
        return cls.of_split(data.train) if data.kind in ("image", "features", "series") and len(data.train) else None

    @classmethod
    def of_split(cls, split: Split) -> Self:
        """Return those of the first input of a split."""
        x = split.sample(LOOKED_AT).inputs[0].astype(np.float64)
        return cls(mean=x.mean(), deviation=x.std(), low=x.min(), high=x.max())

    def resembles(self, other: "FedValues") -> bool:
        """Tell whether values may be on the same scale, not on one that is four times as wide or shifted as far.

        >>> unit = FedValues(mean=0.3, deviation=0.3, low=0, high=1)
        >>> unit.resembles(FedValues(mean=80, deviation=90, low=0, high=255))
        False
        """
        widest, narrowest = max(self.deviation, other.deviation), min(self.deviation, other.deviation)
        shift = abs(self.mean - other.mean)
        return widest <= SPREAD_FACTOR * max(narrowest, 1e-9) and shift <= SHIFT * max(widest, 1e-9)

    def __str__(self) -> str:
        return f"values from {self.low:.4g} to {self.high:.4g}"
