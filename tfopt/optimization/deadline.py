"""A deadline ends long work: progress is told of every step, so that time is looked at there.

A training that is seen not to end in time is given up early, so that a shorter one can be begun.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tfopt.runtime.progress import Advance, Progress
from tfopt.training.fit import TRAINING_TASK

SEEN = 5.0  # seconds of a training, from which its end is reckoned


class TimeIsUp(Exception):  # noqa: N818  # it is no error
    """The time that work may take is over."""


class TooLong(Exception):  # noqa: N818
    """A training would not end in time; `share` of its steps would."""

    def __init__(self, share: float) -> None:
        super().__init__(f"{share:.0%} of the training fit into the time that is left")
        self.share = share


class Deadline:
    """Shows progress elsewhere, and ends the work that shows it when the time is up.

    Args:
        progress: Where it is shown.
        seconds: The time from now; None for no end.
    """

    def __init__(self, progress: Progress, seconds: float | None) -> None:
        self._progress = progress
        self._begun = time.monotonic()
        self.seconds = seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return float("inf") if self.seconds is None else self._begun + self.seconds - time.monotonic()

    def say(self, sentence: str) -> None:
        """Show a line."""
        self._progress.say(sentence)

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a task; raise `TimeIsUp` or `TooLong` in a step of it."""
        done = 0
        first: tuple[float, int] | None = None  # when the first step was done, which compiles what is trained

        with self._progress.task(description, total) as shown:

            def advance(steps: int = 1, detail: str = "") -> None:
                nonlocal done, first
                done += steps
                first = first or ((time.monotonic(), done) if done else None)
                shown(steps, detail)
                if self.left <= 0:
                    raise TimeIsUp
                if description == TRAINING_TASK and total and first and done > first[1]:
                    spent, seen = time.monotonic() - first[0], done - first[1]
                    missing = spent / seen * (total - done)
                    if spent > SEEN and missing > self.left:
                        raise TooLong((spent + self.left) / (spent + missing))

            yield advance
