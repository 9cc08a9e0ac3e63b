"""A weight for each sample, so that classes with few samples count as much as those with many."""

import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array


def balanced_sample_weights(y: Array) -> NDArray[np.float32]:
    """Weights (N,) of class indices y (N,): N / (classes * samples of the class), with a mean of 1."""
    counts = np.bincount(y)
    weights: NDArray[np.float32] = (len(y) / (np.count_nonzero(counts) * counts[y])).astype(np.float32)
    return weights
