"""Bytes of models that stay on disk instead of in memory, where a large one would lie beside its own weights."""

import atexit
import contextlib
import functools
import itertools
import weakref
from pathlib import Path

from tfopt.scratch import scratch

_numbers = itertools.count()


class KeptFile:
    """A place for a file that only this process knows, gone with this object or with the process."""

    def __init__(self) -> None:
        self.path = _folder() / f"{next(_numbers)}.keras"
        weakref.finalize(self, self.path.unlink, missing_ok=True)


@functools.cache
def _folder() -> Path:
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(scratch())
