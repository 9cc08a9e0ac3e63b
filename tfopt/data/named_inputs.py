"""Samples of a model with several inputs: an array for each input by its name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfopt.data.lazy_arrays import take
from tfopt.typing import Array


@dataclass(frozen=True)
class NamedArrays:
    """Arrays (N, ...) by the names of inputs; they have the same samples, which are chosen together."""

    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, rows: slice | Array) -> "NamedArrays":
        return NamedArrays({name: take(array, rows) for name, array in self.arrays.items()})

    @property
    def shape(self) -> tuple[int, ...]:
        """(N,): a sample has no shape of its own."""
        return (len(self),)

    @property
    def ndim(self) -> int:
        """One axis, that of the samples."""
        return 1

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """No type of numbers: that of a record."""
        return np.dtype(np.void)
