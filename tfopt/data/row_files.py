"""Rows of equal size in a file: the system reads those that are asked for, and they are let go of again.

The file is mapped into memory, which is faster than to read row by row. What was looked at would count as memory of the
process until somebody else needs it; so it is handed back every now and then, and stays in the cache of the system.
"""

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfopt.errors import InputError, OutputError
from tfopt.runtime.temporary_files import check_free_space
from tfopt.typing import Array

MOST_MAPPED = 64_000_000  # bytes of a file that stay mapped
AROUND = 65_536  # bytes around a row that the system maps with it
LARGE_ROW = 65_536  # bytes from which on it pays to read what is behind the beginning of a row at once


class FileMap:
    """A file that is mapped for reading, from the byte `start` on; the file itself may be closed then.

    Attributes:
        buffer: The bytes, with `skipped` ones before the first.
    """

    def __init__(self, file: BinaryIO, start: int = 0, length: int | None = None) -> None:
        self.skipped = start % mmap.ALLOCATIONGRANULARITY
        whole = 0 if length is None else self.skipped + length
        self.buffer = mmap.mmap(file.fileno(), whole, access=mmap.ACCESS_READ, offset=start - self.skipped)
        self._seen, self._random = 0, False

    def let_go(self, seen: int) -> None:
        """Say that so many more bytes were looked at: once it is much, they are handed back to the system."""
        self._seen += seen
        if self._seen > MOST_MAPPED:
            self._seen = 0
            if hasattr(mmap, "MADV_DONTNEED"):
                self.buffer.madvise(mmap.MADV_DONTNEED)

    def advise(self, *, random: bool) -> None:
        """Tell the system whether what follows what is looked at is of any use."""
        if random != self._random and hasattr(mmap, "MADV_RANDOM"):
            self.buffer.madvise(mmap.MADV_RANDOM if random else mmap.MADV_NORMAL)
            self._random = random


class RowFile:
    """A file of `count` rows of `size` bytes each, from the byte `start` on.

    Attributes:
        name: What messages call a file of somebody else, which may change meanwhile; None for one of our own.
    """

    def __init__(self, file: BinaryIO, start: int, count: int, size: int, name: str | None = None) -> None:
        """Map the file, which may be closed then."""
        self.name, self.count, self.size = name, count, size
        self._descriptor, self._state = os.dup(file.fileno()), _state_of(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self._map = FileMap(file, start, count * size)
        self._rows = np.frombuffer(self._map.buffer, np.uint8, count * size, self._map.skipped).reshape(count, size)

    def read(self, rows: slice | Array) -> Array:
        """Return the bytes (M, size) of some rows: a slice, or indices (M,).

        Raises:
            InputError: If somebody has changed the file.
        """
        self.check()
        if isinstance(rows, slice):
            self._map.advise(random=False)
            found = self._rows[rows].copy()
            self._map.let_go(found.nbytes + AROUND)
        else:
            self._map.advise(random=self.size < LARGE_ROW)
            found = np.take(self._rows, rows, axis=0)
            self._map.let_go(found.nbytes + len(found) * AROUND)
        return found

    def read_part(self, start: int, stop: int) -> Array:
        """Return the bytes (count, stop - start) from `start` up to `stop` of every row."""
        self._map.advise(random=False)
        found = self._rows[:, start:stop].copy()
        self._map.let_go(found.nbytes + len(found) * AROUND)
        return found

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        if self.name is not None and _state_of(self._descriptor) != self._state:
            raise InputError(f"{self.name} was changed while it was read: start again")


class RowWriter:
    """Writes rows into a file without a name, which is gone with the last that holds it, however a process ends."""

    def __init__(self, expected: int = 0) -> None:
        """Make the file; raise `OutputError` if there is no room for so many bytes."""
        self._home = Path(tempfile.gettempdir())
        try:
            check_free_space(self._home, expected)
        except OutputError as error:
            raise OutputError(f"{error}; the environment variable TMPDIR names another folder") from error
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed when it is mapped, or with this object
        weakref.finalize(self, self._file.close)

    def append(self, rows: Array) -> None:
        """Write rows (M, ...); raise `OutputError` if the disk is full."""
        try:
            self._file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise OutputError(
                f"cannot write rows of data into {self._home}: {error.strerror or error}; the environment variable"
                " TMPDIR names another folder"
            ) from error

    def finish(self, count: int, size: int) -> RowFile:
        """Return what was written, as `count` rows of `size` bytes."""
        self._file.flush()
        with self._file:
            return RowFile(self._file, 0, count, size)


def _state_of(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
