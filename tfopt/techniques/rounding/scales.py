"""The scale of an output channel says how far apart its levels are.

Binary weights are nearest in the mean square with s = mean |w| (XNOR-Net, Rastegari et al. 2016, arXiv:1603.05279, eq.
6), ternary ones with the threshold of least squared error. For more bits the scale of least squared error is searched:
a little clipping buys finer steps for all other weights. Of 8 bits the largest weight sets it, so that a file says the
same.
"""

import numpy as np

from tfopt.techniques.rounding.levels import LIMITS, Levels, codes, values
from tfopt.typing import Array

CANDIDATES = 40
NARROWEST = 0.2  # of the scale by which nothing is clipped; two bits clip most


def scales(kernel: Array, levels: Levels) -> Array:
    """Choose the scale (..., C) of each output channel of a kernel (..., K, C); 0 for a channel of zeros."""
    match levels:
        case "binary":
            return np.asarray(np.abs(kernel).mean(axis=-2))
        case "ternary":
            return _ternary_scales(np.abs(kernel))
        case "int8":
            return np.asarray(np.abs(kernel).max(axis=-2) / LIMITS[levels][1])
    return _search(kernel, levels)


def nearest(kernel: Array, levels: Levels) -> Array:
    """Return the kernel (..., K, C) of these levels that is nearest."""
    scale = scales(kernel, levels)
    return values(codes(kernel, scale, levels), scale)


def widest_scales(kernel: Array, levels: Levels) -> Array:
    """Return the scale (..., C) by which no weight is clipped."""
    low, high = LIMITS[levels]
    return np.asarray(np.maximum(kernel.max(axis=-2) / high, kernel.min(axis=-2) / low).clip(0))


def _ternary_scales(magnitudes: Array) -> Array:
    """The mean of the k largest magnitudes, k such that the squared error, the sum less (sum of k)^2 / k, is least."""
    ordered = -np.sort(-magnitudes, axis=-2)
    sums = np.cumsum(ordered, axis=-2)
    counts = np.arange(1, ordered.shape[-2] + 1)[:, np.newaxis]
    best = np.argmax(sums**2 / counts, axis=-2)[..., np.newaxis, :]
    return np.asarray(np.take_along_axis(sums / counts, best, axis=-2)[..., 0, :])


def _search(kernel: Array, levels: Levels) -> Array:
    """The scale of least squared error among shares of the widest one; the best codes' own scale in the end."""
    widest = widest_scales(kernel, levels)
    least = np.full(widest.shape, np.inf)
    best = widest
    for share in np.linspace(NARROWEST, 1, CANDIDATES):
        scale = widest * share
        error = np.sum((kernel - values(codes(kernel, scale, levels), scale)) ** 2, axis=-2)
        best = np.where(error < least, scale, best)
        least = np.minimum(error, least)
    return best
