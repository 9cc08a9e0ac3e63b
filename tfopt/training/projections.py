"""A projection keeps a kernel as sparse or clustered as it is while it is trained.

Pruning left zeros and clustering left few distinct values; both would be lost with the first training step. The
gradient of a centroid is the sum of those of its weights (Han et al. 2016, Deep Compression, arXiv:1510.00149, eq. 3):
they are summed before the optimizer sees them, which scales each gradient by its past. After each step the kernel is
replaced by the nearest one that has the same zeros and the same weights shared.
"""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array, Tensor

MAX_CLUSTERS = 256


@dataclass(frozen=True)
class Projection:
    """Keeps the zeros and the shared values of a kernel.

    Attributes:
        shared: For each weight the index of its value, and the number of values; None if none are kept.
        mask: 0 for each weight that stays zero, 1 for the others; None if zeros need not stay.
    """

    shared: tuple[NDArray[np.int32], int] | None
    mask: Array | None

    def __call__(self, weights: Tensor) -> Tensor:
        """Return the nearest kernel with the same structure."""
        if self.shared is not None:
            weights = average_clusters(weights, *self.shared)
        return weights if self.mask is None else weights * self.mask

    def gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient of what is free: of each shared value the sum, of zeros none."""
        if self.mask is not None:
            gradient = gradient * self.mask
        return gradient if self.shared is None else sum_clusters(gradient, *self.shared)


class Preserved(keras.constraints.Constraint):
    """Holds a weight to a projection after each step, and after the constraint that it had before."""

    def __init__(self, project: Projection, before: keras.constraints.Constraint | None) -> None:
        self.project = project
        self.before = before

    def __call__(self, w: Tensor) -> Tensor:
        """Return the nearest weight with the structure that is kept."""
        return self.project(w if self.before is None else self.before(w))

    def gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient by the weight as that of what is free."""
        return self.project.gradient(gradient)


def cluster_assignment(kernel: Array) -> tuple[NDArray[np.int32], int] | None:
    """Find out which weights of a kernel share a value.

    Values are shared if there are at most 256 of them and two weights for each on average, in the kernel or, where that
    fails, in each output channel.

    Args:
        kernel: An array whose last axis is that of the output channels.

    Returns:
        For each weight the index of its value, in the shape of the kernel, and the number of values; None if they are
        not shared.

    Example:
        >>> index, count = cluster_assignment(np.array([[0.5, 0.5], [0.5, 2.0]]))
        >>> index.tolist(), count
        ([[0, 0], [0, 1]], 2)
    """
    whole = _index_values(kernel.ravel())
    if whole is not None:
        return whole[0].reshape(kernel.shape), whole[1]
    channels = [_index_values(channel) for channel in kernel.reshape(-1, kernel.shape[-1]).T]
    if any(channel is None for channel in channels):
        return None
    found = [channel for channel in channels if channel is not None]
    starts = np.cumsum([0, *(count for _, count in found)])
    index = np.stack([values + start for (values, _), start in zip(found, starts, strict=False)], axis=-1)
    return index.reshape(kernel.shape).astype(np.int32), int(starts[-1])


def _index_values(weights: Array) -> tuple[NDArray[np.int32], int] | None:
    values, index = np.unique(weights, return_inverse=True)
    if len(values) > min(MAX_CLUSTERS, weights.size // 2):
        return None
    return index.astype(np.int32), len(values)


def preserving_projection(kernel: Array, *, sparsity: bool, clusters: bool) -> Projection | None:
    """Make the projection that keeps the zeros and the shared values of a kernel.

    Args:
        kernel: The kernel as it is.
        sparsity: Whether zeros are kept.
        clusters: Whether shared values are kept.

    Returns:
        What keeps them; None if there is nothing to keep.
    """
    shared = cluster_assignment(kernel) if clusters else None
    zeros = sparsity and not np.all(kernel)
    if shared is None and not zeros:
        return None
    return Projection(shared, (kernel != 0).astype(kernel.dtype) if zeros else None)


def average_clusters(weights: Tensor, index: NDArray[np.int32], count: int) -> Tensor:
    """Replace weights with the same index by their mean.

    Args:
        weights: A tensor.
        index: The index of each weight's cluster, in the same shape.
        count: The number of clusters.
    """
    sizes = np.bincount(index.ravel(), minlength=count)[index]
    summed = sum_clusters(weights, index, count)
    return summed / keras.ops.cast(sizes, summed.dtype)


def sum_clusters(values: Tensor, index: NDArray[np.int32], count: int) -> Tensor:
    """Replace values with the same index by their sum; arguments are those of `average_clusters`."""
    flat = index.ravel()
    sums = keras.ops.segment_sum(keras.ops.reshape(values, (-1,)), flat, num_segments=count)
    return keras.ops.reshape(keras.ops.take(sums, flat), index.shape)
