"""The order that a parent gives a worker, and the answer: figures of the model it has trained."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tfopt.data.dataset import Dataset
from tfopt.training.checkpoint import Position, RunFiles
from tfopt.training.config import TrainConfig


@dataclass(frozen=True)
class Job:
    """Says what to train on what, and as which of the workers.

    Attributes:
        config: How to train.
        data: What on; there is no test split.
        files: Where checkpoints are kept.
        addresses: All workers, the chief first.
        rank: Which of them this is.
        asked: What all must have been asked for alike, by subject.
        output: Where the model goes; None if it is not wanted.
        threads: The share of the processor; None is all of it.
    """

    config: TrainConfig
    data: Dataset
    files: RunFiles
    addresses: tuple[str, ...]
    rank: int
    asked: dict[str, object]
    output: Path | None
    threads: int | None = None


class Outcome(BaseModel):
    """Holds the figures of a model that a worker has trained; see `FitResult` and `TrainingResult`."""

    history: list[dict[str, float]]
    best_epoch: int
    resumed_at: Position
    steps: int
    replicas: list[str]
    notes: list[str]
