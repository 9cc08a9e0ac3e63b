"""Bytes of models that stay on disk instead of in memory, where a large one would lie beside its own weights."""

import atexit
import contextlib
import functools
import itertools
import os
import tempfile
import weakref
from pathlib import Path

from tfopt.runtime.temporary import scratch

_numbers = itertools.count()


class KeptFile:
    """A place for a file that only this process knows, gone with this object or with the process."""

    def __init__(self) -> None:
        owner = os.getpid()
        self.path = _folder(owner, tempfile.gettempdir()) / f"{next(_numbers)}.keras"
        weakref.finalize(self, _remove, self.path, owner)


@functools.cache
def _folder(owner: int, home: str) -> Path:  # noqa: ARG001
    """The folder of this process: one that it was forked from has another, and so has another home."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(scratch())


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)
