"""Temporary folders that a killed process leaves behind are removed by the next one, and room is looked for in time.

A process holds a lock on each of its folders, which the system lets go of when it dies: a folder without a lock is
nobody's. It is empty until it is locked, so that an empty one is left alone for a
while.
"""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tfopt.errors import OutputError

LONG = 60.0  # seconds that a folder is not empty for unless its process was killed
PREFIX = "tfopt-scratch-"
OURS = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")

try:
    import fcntl
except ImportError:  # not on Windows, where such folders stay
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder that is gone when the context ends; a process that is forked meanwhile leaves it alone."""
    _sweep()
    folder, owner = Path(tempfile.mkdtemp(prefix=PREFIX)), os.getpid()
    try:
        with _locked(folder):
            yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporaries() -> Iterator[None]:
    """Let libraries and child processes, too, write their temporary files where they are removed with everything."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with scratch() as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before[0]
            del os.environ["TMPDIR"]
            if before[1] is not None:
                os.environ["TMPDIR"] = before[1]


def reserve(folder: Path, size: int) -> None:
    """Raise `OutputError` unless so many bytes can be written into `folder`: HDF5 crashes when a disk becomes full."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
    except OSError as error:
        raise OutputError(f"cannot write {size:,} bytes into {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Try to hold the lock of a folder while the context lasts, and say whether it was free."""
    if fcntl is None:
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _taken(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or this file system has no such locks
        return False
    return True


def _sweep() -> None:
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
            ours = OURS.fullmatch(folder.name) and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
            if ours and (any(folder.iterdir()) or time.time() - folder.stat().st_mtime > LONG):
                with _locked(folder) as free:
                    if free:
                        shutil.rmtree(folder, ignore_errors=True)
