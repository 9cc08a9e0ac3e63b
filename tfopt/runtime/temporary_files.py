"""Temporary folders and files that are removed even if the process that made them was killed.

A process holds a lock on each of its folders, which the system lets go of when the process dies: a folder without a
lock belongs to nobody, and the next process removes it. A new folder is empty until it is locked, so empty ones are
left alone for a while.
"""

import atexit
import contextlib
import functools
import itertools
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from tfopt.errors import OutputError

GRACE_SECONDS = 60.0  # by then a folder is not empty any more unless its process was killed
PREFIX = "tfopt-scratch-"
OUR_NAMES = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")

try:
    import fcntl
except ImportError:  # not on Windows, where such folders stay
    fcntl = None  # type: ignore[assignment]

_numbers = itertools.count()


class TemporaryFile:
    """A file that only this process knows, removed with this object or at the end of the process.

    It holds the bytes of a model on disk: in memory those of a large one would lie beside its own weights.

    Attributes:
        path: Where the file may be written. Nothing is there yet.
    """

    def __init__(self) -> None:
        owner = os.getpid()
        self.path = _process_folder(owner, tempfile.gettempdir()) / f"{next(_numbers)}.keras"
        weakref.finalize(self, _remove_own, self.path, owner)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is removed when the context ends; a process forked meanwhile leaves it alone.

    Folders that killed processes left behind are removed on the way.

    Yields:
        The path of the empty folder, in the default place for temporary files.
    """
    _remove_abandoned()
    folder, owner = Path(tempfile.mkdtemp(prefix=PREFIX)), os.getpid()
    try:
        with _locked(folder):
            yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redirect_tempdir() -> Iterator[None]:
    """Let libraries and child processes write their temporary files into a `temporary_folder` of ours.

    `tempfile.tempdir` and the environment variable TMPDIR are what they were when the context ends.
    """
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with temporary_folder() as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before[0]
            del os.environ["TMPDIR"]
            if before[1] is not None:
                os.environ["TMPDIR"] = before[1]


def check_free_space(folder: Path, size: int) -> None:
    """Make sure that `size` bytes can be written into `folder`: HDF5 crashes when a disk becomes full.

    Raises:
        OutputError: There is less room, or `folder` cannot be written into.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
    except OSError as error:
        raise OutputError(f"cannot write {size:,} bytes into {folder}: {error.strerror or error}") from error


@functools.cache
def _process_folder(owner: int, home: str) -> Path:  # noqa: ARG001
    """Return the folder for the files of one process; one that is forked from it, or has another home, has its own."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(temporary_folder())


def _remove_own(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Try to hold the lock of a folder while the context lasts, and say whether it was free."""
    if fcntl is None:
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or this file system has no such locks
        return False
    return True


def _remove_abandoned() -> None:
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
            ours = OUR_NAMES.fullmatch(folder.name) and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
            if ours and (any(folder.iterdir()) or time.time() - folder.stat().st_mtime > GRACE_SECONDS):
                with _locked(folder) as free:
                    if free:
                        shutil.rmtree(folder, ignore_errors=True)
