"""Samples that are not held with a label before each, as anomaly detection has them side by side."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from tfopt.data.lazy_arrays import Index, LazyArray, digest_values
from tfopt.typing import Array

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, eq=False, repr=False)
class LabelledRows(LazyArray):
    """Stands for rows (N, 1 + F) of a label (N,) and a flat sample (N, F), as float32."""

    labels: Array
    samples: LazyArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, 1 + F)."""
        return (len(self.labels), 1 + self.samples.shape[1])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""
        return np.dtype(np.float32)

    def _fetch(self, rows: Index) -> Array:
        return np.concatenate([self.labels[rows][:, np.newaxis], self.samples[rows]], axis=1, dtype=np.float32)

    def rows(self, rows: Index) -> Self:
        """Return some of the rows, still not fetched, chosen by a slice or an array of indices."""
        return replace(self, labels=self.labels[rows], samples=self.samples.rows(rows))

    def update(self, digest: "_Hash") -> None:
        """Add the values to a digest, as those of an array."""
        digest_values(digest, self)

    def check(self) -> None:
        """Raise `InputError` if it is known that samples cannot be fetched any more."""
        self.samples.check()
