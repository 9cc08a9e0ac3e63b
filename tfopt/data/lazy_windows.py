"""Windows of a series that is too long to hold: overlapping runs of steps, read when they are asked for."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from tfopt.data.lazy_arrays import Index, LazyArray, digest_values
from tfopt.typing import Array

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, eq=False, repr=False)
class LazyWindows(LazyArray):
    """Stands for windows (N, length, ...) of the steps `source` (T, ...), which begin at `starts` (N,)."""

    source: LazyArray
    starts: Array
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, length, ...)."""
        return (len(self.starts), self.length, *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""
        return self.source.dtype

    def _fetch(self, rows: Index) -> Array:
        steps = self.starts[rows][:, np.newaxis] + np.arange(self.length)
        return self.source[steps.reshape(-1)].reshape(-1, *self.shape[1:])

    def rows(self, rows: Index) -> Self:
        """Return some of the windows, still not fetched, chosen by a slice or an array of indices."""
        return replace(self, starts=self.starts[rows])

    def update(self, digest: "_Hash") -> None:
        """Add the values to a digest, as those of an array."""
        digest_values(digest, self)

    def check(self) -> None:
        """Raise `InputError` if it is known that steps cannot be fetched any more."""
        self.source.check()
