"""Bytes of a model that stay on disk instead of in memory, where a large one would lie beside its own weights."""

import contextlib
import weakref
from pathlib import Path

from tfopt.scratch import scratch


class KeptFile:
    """A place for a file that only this process knows, gone with this object or with the process."""

    def __init__(self) -> None:
        stack = contextlib.ExitStack()
        self.path: Path = stack.enter_context(scratch()) / "model.keras"
        weakref.finalize(self, stack.close)
