"""A lock is an empty file that one process holds while it works, so that another gives up at once."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tfopt.errors import OutputError


@contextlib.contextmanager
def locked(place: Path, taken: str) -> Iterator[None]:
    """Hold the lock file `place` while the context lasts, and remove it afterwards.

    Raises:
        OutputError: Another process holds it, which the message `taken` says; or something else is at this place,
            which stays as it is; or the folder cannot be written into.
    """
    lock = FileLock(place, timeout=0)
    try:
        if place.is_symlink() or (place.exists() and (not place.is_file() or place.stat().st_size)):
            raise OutputError(f"{place} is in the way; remove it or use `output` for another name")
        lock.acquire()
    except Timeout:
        raise OutputError(taken) from None
    except OSError as error:
        raise OutputError(f"cannot write into {place.parent}: {error.strerror or error}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove what is open
            place.unlink(missing_ok=True)
        lock.release()
