"""Texts that are too many to hold: one after the other in a temporary file, read when they are asked for."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from tfopt.data.lazy_arrays import PIECE, Index, LazyArray, digest_values, is_much
from tfopt.data.row_files import DENSE, ReadFile, RowWriter
from tfopt.typing import Array

if TYPE_CHECKING:
    from hashlib import _Hash

OVERHEAD = 64  # bytes that a text takes beside its own


@dataclass(frozen=True, eq=False, repr=False)
class StoredTexts(LazyArray):
    """Stands for texts (N,) in a file in UTF-8.

    Attributes:
        file: The texts.
        starts: Where each begins (N,).
        sizes: The bytes of each (N,).
    """

    file: ReadFile
    starts: Array
    sizes: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N,)."""
        return (len(self.starts),)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values, as of texts that are held."""
        return cast("np.dtype[np.generic]", np.dtypes.StringDType())

    @property
    def at_once(self) -> int:
        """Number of texts that are read together."""
        return max(1, int(PIECE / (OVERHEAD + self.sizes.mean()))) if len(self) else 1

    def _fetch(self, rows: Index) -> Array:
        starts, sizes = self.starts[rows], self.sizes[rows]
        first, last = (int(starts.min()), int((starts + sizes).max())) if len(starts) else (0, 0)
        if last - first <= DENSE * int(sizes.sum()):  # much of what lies between them is wanted
            run = np.empty(last - first, np.uint8)
            self.file.fill([run], [first])
            content, places = run.tobytes(), (starts - first).tolist()
            texts = [content[at : at + size] for at, size in zip(places, sizes.tolist(), strict=True)]
        else:
            buffers = [np.empty(size, np.uint8) for size in sizes.tolist()]
            self.file.fill(buffers, starts.tolist())
            texts = [buffer.tobytes() for buffer in buffers]
        return np.array([text.decode() for text in texts], self.dtype)

    def rows(self, rows: Index) -> Self:
        """Return some of the texts, still not read, chosen by a slice or an array of indices."""
        return replace(self, starts=self.starts[rows], sizes=self.sizes[rows])

    def update(self, digest: "_Hash") -> None:
        """Add the texts to a digest, as those of an array."""
        digest_values(digest, self)

    def check(self) -> None:
        """Raise `InputError` if somebody has changed the file."""
        self.file.check()


def hashes(texts: Array) -> Array:
    """Return numbers (N,) of texts, the same for the same text in this process."""
    return np.fromiter(map(hash, texts), np.int64, len(texts))


def count_distinct(texts: Array) -> int:
    """Return how many texts differ; of many by their hashes."""
    return len(np.unique(hashes(texts))) if isinstance(texts, LazyArray) else len(set(texts))


class TextCollector:
    """Collects texts part by part: in memory while they are few, from there on in a temporary file."""

    def __init__(self) -> None:
        """Begin with no texts."""
        self._parts: list[Array] = []
        self._sizes: list[Array] = []
        self._held = 0
        self._writer: RowWriter | None = None

    def append(self, texts: Array) -> None:
        """Add texts (M,) of the type for such; raise `OutputError` if the disk is full."""
        self._parts.append(texts)
        self._held += len(texts) * OVERHEAD + int(np.strings.str_len(texts).sum())
        if self._writer is None and is_much(self._held):
            self._writer = RowWriter()
        if self._writer is not None:
            for part in self._parts:
                encoded = [text.encode() for text in part.tolist()]
                self._sizes.append(np.array([len(text) for text in encoded], np.int32))
                self._writer.append(b"".join(encoded))
            self._parts = []

    def finish(self) -> Array:
        """Return all texts (N,), lazy if they are in a file."""
        if self._writer is None:
            return np.concatenate([np.empty(0, np.dtypes.StringDType()), *self._parts])
        sizes = np.concatenate(self._sizes)
        starts = np.cumsum(sizes, dtype=np.int64) - sizes
        return cast(Array, StoredTexts(self._writer.finish(), starts, sizes))
