"""Rows of equal size in a file: those that are asked for are read, and the cache of the system keeps what it can.

The file is not mapped into memory: for a row of some bytes a system may map a megabyte of the file, which then counts
as memory of the process.
"""

import os
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfopt.errors import InputError, OutputError
from tfopt.runtime.temporary_files import check_free_space
from tfopt.typing import Array


class RowFile:
    """A file of `count` rows of `size` bytes each, from the byte `start` on.

    Attributes:
        name: What messages call a file of somebody else, which may change meanwhile; None for one of our own.
    """

    def __init__(self, file: BinaryIO, start: int, count: int, size: int, name: str | None = None) -> None:
        """Take over an open file, which may be closed then."""
        self.name, self.count, self.size = name, count, size
        self._start, self._descriptor = start, os.dup(file.fileno())
        self._state = self._find_state()
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, rows: slice | Array) -> Array:
        """Return the bytes (M, size) of some rows: a slice of step 1, or indices (M,).

        Raises:
            InputError: If somebody has changed the file.
        """
        self.check()
        if isinstance(rows, slice):
            found = np.empty((rows.stop - rows.start, self.size), np.uint8)
            self._fill([found.reshape(-1)], [self._start + rows.start * self.size])
        else:
            found = np.empty((len(rows), self.size), np.uint8)
            self._fill(found, (self._start + rows.astype(np.int64) * self.size).tolist())
        return found

    def read_part(self, start: int, stop: int) -> Array:
        """Return the bytes (count, stop - start) from `start` up to `stop` of every row."""
        found = np.empty((self.count, stop - start), np.uint8)
        self._fill(found, range(self._start + start, self._start + start + self.count * self.size, self.size))
        return found

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        if self.name is not None and self._find_state() != self._state:
            raise InputError(f"{self.name} was changed while it was read: start again")

    def _find_state(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns

    def _fill(self, buffers: Sequence[Array] | Array, places: Sequence[int]) -> None:
        """Read what stands at each of the `places` into a buffer."""
        for buffer, place in zip(buffers, places, strict=True):
            done = os.preadv(self._descriptor, [buffer], place)
            while done < len(buffer):  # the system may read less than it is asked for
                more = os.preadv(self._descriptor, [buffer[done:]], place + done)
                if not more:
                    raise InputError(f"{self.name or 'a temporary file'} was cut off while it was read: start again")
                done += more


class RowWriter:
    """Writes rows into a file without a name, which is gone with the last that holds it, however a process ends."""

    def __init__(self, expected: int = 0) -> None:
        """Make the file; raise `OutputError` if there is no room for so many bytes."""
        self._home = Path(tempfile.gettempdir())
        try:
            check_free_space(self._home, expected)
        except OutputError as error:
            raise OutputError(f"{error}; the environment variable TMPDIR names another folder") from error
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed when it is read, or with this object
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
