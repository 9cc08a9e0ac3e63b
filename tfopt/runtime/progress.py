"""Progress of long work: the library says how far it is, the command line draws a bar.

The library shows nothing by itself (`Silent`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[..., None]


class Progress(Protocol):
    """Something that shows tasks; `advance(steps=1, detail="")` moves the task it was given for."""

    def task(self, description: str, total: int | None) -> AbstractContextManager[Advance]:
        """Show a task of `total` steps (None if nobody knows) while the context lasts."""

    def say(self, sentence: str) -> None:
        """Show a line that is no part of a report."""


class Silent:
    """Shows nothing."""

    def say(self, sentence: str) -> None:
        """Show nothing."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        """Show nothing."""
        yield _nothing


def _nothing(steps: int = 1, detail: str = "") -> None:
    pass
