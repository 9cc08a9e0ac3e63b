"""What a comparison of architectures has to say."""

from tfopt.report.schema import DataSummary, Measurement, Record
from tfopt.typing import Json


class Estimate(Record):
    """A mean over seeds and its 95 % interval by Student's t; None for the interval of a single seed."""

    mean: float
    low: float | None
    high: float | None


class Gradients(Record):
    """Root mean square of the gradient by the first and by the last kernel, before training and after each epoch."""

    first: list[float]
    last: list[float]

    @property
    def ratios(self) -> list[float]:
        """First over last: far below 1 the gradient vanishes on its way back, far above 1 it explodes."""
        return [first / max(last, 1e-30) for first, last in zip(self.first, self.last, strict=True)]


class Contestant(Record):
    """One architecture: `scores` on the test split for each seed, `measurement` of the model of seed 0."""

    arch: str
    width: int | None
    scores: list[float]
    score: Estimate
    measurement: Measurement
    epochs: list[int]
    epoch_seconds: float
    gradients: list[Gradients]
    added_bytes: int


class ShootoutReport(Record):
    """All architectures of a comparison; `budget` is the number of weights that each may have."""

    config: Json
    data: DataSummary
    budget: int | None
    contestants: list[Contestant]
    notes: list[str]
    versions: dict[str, str]
