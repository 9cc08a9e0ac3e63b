"""A projection keeps a kernel as sparse or clustered as it is while it is trained.

Pruning left zeros and clustering left few distinct values; both would be lost with the first training step. After
each step the kernel is replaced by the nearest one that has the same zeros and the same weights shared: shared weights
take their mean, which is how centroids are trained in Han et al. 2016 (Deep Compression, arXiv:1510.00149, section 3).
"""

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array, Tensor

MAX_CLUSTERS = 256
Projection = Callable[[Tensor], Tensor]


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
        A function from a kernel to the nearest one with the same structure; None if there is nothing to keep.
    """
    shared = cluster_assignment(kernel) if clusters else None
    zeros = sparsity and not np.all(kernel)
    if shared is None and not zeros:
        return None
    mask = (kernel != 0).astype(kernel.dtype)

    def project(weights: Tensor) -> Tensor:
        if shared is not None:
            weights = average_clusters(weights, *shared)
        return weights * mask if zeros else weights

    return project


def average_clusters(weights: Tensor, index: NDArray[np.int32], count: int) -> Tensor:
    """Replace weights with the same index by their mean.

    Args:
        weights: A tensor.
        index: The index of each weight's cluster, in the same shape.
        count: The number of clusters.
    """
    flat = index.ravel()
    sizes = np.bincount(flat, minlength=count).clip(1).astype("float32")
    sums = keras.ops.segment_sum(keras.ops.reshape(weights, (-1,)), flat, num_segments=count)
    means = sums / keras.ops.cast(sizes, sums.dtype)
    return keras.ops.reshape(keras.ops.take(means, flat), index.shape)
