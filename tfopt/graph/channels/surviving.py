"""The part of a kernel that is left when channels leave, in terms of the matrices that the kernel is a stack of."""

from typing import NamedTuple

import numpy as np

from tfopt.graph.channels.channel_graph import WeightSlices
from tfopt.graph.kernels import to_matrix
from tfopt.graph.rows import LinearMap, stack
from tfopt.typing import Array


class Surviving(NamedTuple):
    """Matrices (g,), rows (g, k) and columns (g, c) of a stack (G, K, C) that are left in the smaller kernel."""

    groups: Array
    rows: Array
    columns: Array

    def of(self, matrices: Array) -> Array:
        """Return the matrices (g, k, c) that are left of a stack."""
        return np.asarray(matrices[self.groups[:, None, None], self.rows[:, :, None], self.columns[:, None]])

    def answers(self, matrices: Array) -> Array:
        """Return all rows (g, K, c) of the columns that are left."""
        whole = np.arange(matrices.shape[1])[None, :, None]
        return np.asarray(matrices[self.groups[:, None, None], whole, self.columns[:, None]])


def find_surviving(before: LinearMap, after: LinearMap, slices: list[WeightSlices], kept: Array) -> Surviving:
    """Find what is left of a kernel.

    Args:
        before: The kernel in the whole model.
        after: That in the smaller one.
        slices: The slices of this kernel by channel.
        kept: True (n,) for each id that stays.
    """
    shape = tuple(before.kernel.shape)
    positions = np.arange(np.prod(shape)).reshape(shape)
    places = np.argsort(stack(to_matrix(positions, before.axes), before.groups), axis=None)
    for one in slices:
        positions = np.take(positions, np.flatnonzero(kept[one.ids]), one.axis)
    left = places[stack(to_matrix(positions, after.axes), after.groups)]
    matrices = (before.groups, *before.read().shape[1:])
    group, row, column = np.unravel_index(left, matrices)
    return Surviving(group[:, 0, 0], row[:, :, 0], column[:, 0])


def row_ids(kernel: LinearMap, slices: list[WeightSlices]) -> Array:
    """Return the id (G, K) of the channel that each row of a stack of matrices multiplies; 0 for those that stay."""
    ids = np.zeros(tuple(kernel.kernel.shape), int)
    for one in slices:
        if one.role == "reads":
            shape = [-1 if axis == one.axis else 1 for axis in range(ids.ndim)]
            ids = ids + one.ids.reshape(shape)
    return np.asarray(stack(to_matrix(ids, kernel.axes), kernel.groups)[:, :, 0])
