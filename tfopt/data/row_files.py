"""Rows of equal size in a file: those that are asked for are read, and the cache of the system keeps what it can.

The file is not mapped into memory: for a row of some bytes a system may map a megabyte of the file, which then counts
as memory of the process.
"""

import contextlib
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfopt.errors import InputError, OutputError
from tfopt.runtime.temporary_files import check_free_space
from tfopt.typing import Array

DENSE = 3  # times as many rows as are asked for that may be read in one go


class ReadFile:
    """A file whose bytes are read wherever they stand.

    Attributes:
        name: What messages call a file of somebody else, which may change meanwhile; None for one of our own.
    """

    def __init__(self, file: BinaryIO, name: str | None = None) -> None:
        """Take over an open file, which may be closed then."""
        self.name, self._descriptor = name, os.dup(file.fileno())
        self._state = self._find_state()
        weakref.finalize(self, os.close, self._descriptor)

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        if self.name is not None and self._find_state() != self._state:
            raise InputError(f"{self.name} was changed while it was read: start again")

    def fill(self, buffers: Sequence[Array] | Array, places: Sequence[int]) -> None:
        """Read what stands at each of the `places` into a buffer of bytes.

        Raises:
            InputError: If somebody has changed the file.
        """
        for buffer, place in zip(buffers, places, strict=True):
            done = os.preadv(self._descriptor, [buffer], place)
            while done < len(buffer):  # the system may read less than it is asked for
                more = os.preadv(self._descriptor, [buffer[done:]], place + done)
                if not more:
                    raise InputError(f"{self.name or 'a temporary file'} was cut off while it was read: start again")
                done += more
        self.check()

    def _find_state(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns


class RowFile:
    """A file of `count` rows of `size` bytes each, from the byte `start` on."""

    def __init__(self, file: ReadFile, start: int, count: int, size: int) -> None:
        """Say where the rows are."""
        self.count, self.size = count, size
        self._file, self._start = file, start

    def read(self, rows: slice | Array) -> Array:
        """Return the bytes (M, size) of some rows: a slice of step 1, or indices (M,).

        Raises:
            InputError: If somebody has changed the file.
        """
        if isinstance(rows, slice):
            return self._read_run(rows.start, rows.stop)
        first, last = (int(rows.min()), int(rows.max())) if len(rows) else (0, 0)
        if first < 0 or last >= self.count:
            raise IndexError(f"rows {first} to {last} are not among {self.count}")
        if last < first + DENSE * len(rows):  # much of what lies between them is wanted
            run = self._read_run(first, last + 1)
            return np.take(run, rows - first, axis=0)
        found = np.empty((len(rows), self.size), np.uint8)
        self._file.fill(found, (self._start + rows.astype(np.int64) * self.size).tolist())
        return found

    def _read_run(self, start: int, stop: int) -> Array:
        found = np.empty((stop - start, self.size), np.uint8)
        self._file.fill([found.reshape(-1)], [self._start + start * self.size])
        return found

    def read_part(self, start: int, stop: int) -> Array:
        """Return the bytes (count, stop - start) from `start` up to `stop` of every row."""
        found = np.empty((self.count, stop - start), np.uint8)
        self._file.fill(found, range(self._start + start, self._start + start + self.count * self.size, self.size))
        return found

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        self._file.check()


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

    def append(self, rows: Array | bytes) -> None:
        """Write rows (M, ...), or bytes; raise `OutputError` if the disk is full."""
        content = rows if isinstance(rows, bytes) else np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        with self._explained():
            self._file.write(content)

    def finish(self) -> ReadFile:
        """Return what was written; raise `OutputError` if the disk is full."""
        with self._explained():
            self._file.flush()
        with self._file:
            return ReadFile(self._file)

    def finish_rows(self, count: int, size: int) -> RowFile:
        """Return what was written, as `count` rows of `size` bytes; raise `OutputError` if the disk is full."""
        return RowFile(self.finish(), 0, count, size)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write rows of data into {self._home}: {error.strerror or error}; the environment variable"
                " TMPDIR names another folder"
            ) from error
