"""Columns of numbers of a table that are too many to hold: side by side in a temporary file, row by row.

A model is fed rows: column by column each of them would be in as many places.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np

from tfopt.data.lazy_arrays import Index, LazyArray
from tfopt.typing import Array


@dataclass(frozen=True)
class ColumnBlock:
    """Values (N, W) of the columns called `names`, as float32; NaN is no value."""

    names: tuple[str, ...]
    values: LazyArray

    def rows(self, rows: Index) -> Self:
        """Return some of the rows."""
        return replace(self, values=self.values.rows(rows))

    def column(self, name: str) -> Array:
        """Return a lazy column (N,)."""
        at = self.names.index(name)
        return cast(Array, self.values.mapped(lambda rows: rows[:, at], (), np.float32))

    def select(self, names: Sequence[str]) -> Array:
        """Return lazy columns (N, F) side by side."""
        at = [self.names.index(name) for name in names]
        return cast(Array, self.values.mapped(lambda rows: rows[:, at], (len(at),), np.float32))
