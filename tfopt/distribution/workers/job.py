"""What a parent tells a worker, and what it hears from it: a job in, a line for each event out, and the model."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel

from tfopt.data.dataset import Dataset
from tfopt.runtime.progress import Advance
from tfopt.training.checkpoint import Position, RunFiles
from tfopt.training.config import TrainConfig
from tfopt.typing import Json

TRAINED, OUTCOME = "trained.keras", "outcome.json"
AGAIN = 75  # the exit code of a worker whom others have failed, so that it may help to start again


@dataclass(frozen=True)
class Job:
    """What to train on what, and as which of the workers; all must be `asked` for the same.

    The model goes into the folder `output`, if it is wanted. `threads` is the share of the processor, None all of it.
    """

    config: TrainConfig
    data: Dataset
    files: RunFiles
    addresses: tuple[str, ...]
    rank: int
    asked: Json
    output: Path | None
    threads: int | None = None


class Outcome(BaseModel):
    """What there is to say about the model that a worker has trained."""

    history: list[dict[str, float]]
    best_epoch: int
    resumed_at: Position
    steps: int
    replicas: list[str]
    notes: list[str]


class Event(BaseModel):
    """Something a worker tells.

    That all have `started`; a `task` with its name in `text` and its steps in `count`; so many steps of it; its `end`;
    that it `failed`, with a sentence in `text` and, if a user can mend it, `error` as the name of the class.
    """

    kind: Literal["started", "task", "steps", "end", "failed"]
    text: str = ""
    count: int | None = None
    error: str | None = None


class Telling:
    """A `Progress` that tells the parent what would be shown."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def tell(self, event: Event) -> None:
        """Send an event as a line."""
        self.stream.write(event.model_dump_json(exclude_defaults=True) + "\n")
        self.stream.flush()

    def say(self, sentence: str) -> None:
        """Say nothing: parents speak."""

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Tell of a task and its steps."""
        self.tell(Event(kind="task", text=description, count=total))
        try:
            yield lambda steps=1, detail="": self.tell(Event(kind="steps", count=steps, text=detail))
        finally:
            self.tell(Event(kind="end"))
