"""Arrays of numbers that lie in a file, in that of a user or in a temporary one."""

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from tfopt.data.lazy_arrays import Index, LazyArray, digest_values, is_large
from tfopt.data.row_files import RowFile, RowWriter
from tfopt.typing import Array

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, eq=False, repr=False)
class StoredArray(LazyArray):
    """Stands for an array (N, ...) of numbers in a file.

    Attributes:
        file: The rows.
        kind: The type of the numbers.
        sample: The shape of a row.
        chosen: Which rows of the file these are (N,); None for all.
    """

    file: RowFile
    kind: np.dtype[np.generic]
    sample: tuple[int, ...]
    chosen: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, ...)."""
        return (self.file.count if self.chosen is None else len(self.chosen), *self.sample)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""
        return self.kind

    def _fetch(self, rows: Index) -> Array:
        places = rows if self.chosen is None else self.chosen[rows]
        return self.file.read(places).view(self.kind).reshape(-1, *self.sample)

    def rows(self, rows: Index) -> Self:
        """Return some of the rows, still not fetched, chosen by a slice or an array of indices."""
        before = np.arange(self.file.count) if self.chosen is None else self.chosen
        return replace(self, chosen=before[rows])

    def update(self, digest: "_Hash") -> None:
        """Add the values to a digest, as those of an array."""
        digest_values(digest, self)

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        self.file.check()


class RowCollector:
    """Collects rows part by part: in memory while they are few, from there on in a temporary file, but for texts."""

    def __init__(self) -> None:
        """Begin with no rows."""
        self._parts: list[Array] = []
        self._writer: RowWriter | None = None
        self._count = 0

    def append(self, rows: Array) -> None:
        """Add rows (M, ...) of the shape and type of those before; raise `OutputError` if the disk is full."""
        self._count += len(rows)
        self._parts.append(rows)
        if self._writer is None and rows.dtype.kind in "fiub" and is_large((self._count, *rows.shape[1:])):
            self._writer = RowWriter()
        if self._writer is not None:
            for part in self._parts:
                self._writer.append(part)
            self._parts = [rows[:0].copy()]  # which tells the shape and the type

    def finish(self) -> Array:
        """Return all rows (N, ...), lazy if they are in a file; there must be some."""
        if self._writer is None:
            return np.concatenate(self._parts)
        [empty] = self._parts
        sample = empty.shape[1:]
        file = self._writer.finish_rows(self._count, empty.dtype.itemsize * prod(sample))
        return cast(Array, StoredArray(file, empty.dtype, sample))
