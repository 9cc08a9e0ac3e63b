"""A kernel that is rounded already lies on a grid: each channel is integers times a scale, which can be found again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfopt.techniques.rounding.levels import LIMITS, Levels
from tfopt.typing import Array

TOLERANCE = 1e-4  # of a step, that single precision is off
PROBE = 16


class Grid(NamedTuple):
    """Integers (K, C) and the scale (C,) of each channel, which is 0 for a channel of zeros."""

    chosen: NDArray[np.int8]
    scale: Array


def find_grid(kernel: Array, levels: Levels) -> Grid | None:
    """Find the integers and scales that a kernel (K, C) is the product of; the widest scale that there is.

    Returns:
        None if a channel is on no grid of so many levels.

    >>> grid = find_grid(np.array([[0.5, 0.3], [-1.5, 0.0]]), "int4")
    >>> grid.chosen.tolist(), grid.scale.tolist()
    ([[1, 1], [-3, 0]], [0.5, 0.3])
    """
    low, high = LIMITS[levels]
    kernel = kernel.astype(np.float64)
    largest = np.abs(kernel).max(axis=0)
    scale = np.where(largest > 0, 0.0, 1.0)
    for steps in range(1, max(-low, high) + 1):
        left = np.flatnonzero(scale == 0)
        for rows in (kernel[:PROBE], kernel):  # most channels on no such grid show that early
            ratio = rows[:, left] / (largest[left] / steps)
            whole = np.round(ratio)
            fits = (np.abs(ratio - whole) <= TOLERANCE) & (whole >= low) & (whole <= high)
            left = left[fits.all(axis=0)]
        scale[left] = largest[left] / steps
    if not scale.all():
        return None
    return Grid(np.round(kernel / scale).astype(np.int8), np.where(largest > 0, scale, 0))
