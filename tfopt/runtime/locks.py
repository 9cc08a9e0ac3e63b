"""A file that one process holds while it works, so that another gives up at once; it is empty, and gone afterwards."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tfopt.errors import OutputError


@contextlib.contextmanager
def locked(place: Path, taken: str) -> Iterator[None]:
    """Hold the lock while the context lasts; raise `OutputError` saying `taken` if another process does.

    Whatever else is at this place is not ours: `OutputError`, too, and it stays.
    """
    lock = FileLock(place, timeout=0)
    try:
        if place.is_symlink() or (place.exists() and (not place.is_file() or place.stat().st_size)):
            raise OutputError(f"{place} is in the way; remove it or use -o for another name")
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
