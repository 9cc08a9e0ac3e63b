"""Intervals of the difference between two models that answered the same samples.

Of right and wrong answers it is the score interval of Tango (1998), also right where hardly any answer changed: of 216
equal answers it says that up to 1.7 points may be lost. Of errors it is that of their ratio by Fieller
(1954), the shares of growth that a paired t-test does not exclude. Answers that come in clusters, as the words of a
sentence do, count as fewer independent ones (Rao & Scott 1992).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, t

from tfopt.typing import Array, Clusters

EDGE = 1e-12
PIECE = 1 << 20  # of the pixels of many images, which as floats would take gigabytes


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


def totals(values: Array, clusters: Clusters | None) -> Array:
    """Sum values (N,) over each cluster; without clusters they are each its own."""
    if clusters is None:
        return values.astype(np.float64)
    summed = np.zeros(_count(clusters))
    for piece in _pieces(clusters):
        summed += np.bincount(clusters[piece], weights=values[piece], minlength=len(summed))
    return summed


def cluster_sizes(clusters: Clusters) -> Array:
    """Return how many values (N,) each cluster has."""
    sizes = np.zeros(_count(clusters))
    for piece in _pieces(clusters):
        sizes += np.bincount(clusters[piece], minlength=len(sizes))
    return sizes


def design_effect(values: Array, clusters: Clusters | None) -> float:
    """Return how many samples (N,) of clusters count as one independent sample (Rao & Scott 1992), at least 1.

    Where all values are equal, nothing tells how much those of a cluster are alike: they are taken to be so wholly.

    Example:
        >>> design_effect(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]))
        4.0
    """
    if clusters is None:
        return 1.0
    sizes, mean = cluster_sizes(clusters), float(values.mean())
    count = np.count_nonzero(sizes)
    independent = sum(float(np.sum((values[piece] - mean) ** 2)) for piece in _pieces(clusters))
    if not independent or count < 2:
        return float(np.sum(sizes**2) / len(values))
    residuals = totals(values, clusters) - mean * sizes
    return max(1.0, float(np.sum(residuals**2) * count / (count - 1) / independent))


def matched_difference(lost: float, won: float, total: float, confidence: float) -> Interval:
    """Return the interval of (lost - won) / total by Tango (1998, Statistics in Medicine 17, eq. 4 to 6).

    Args:
        lost: Answers that only the first model gets right.
        won: Answers that only the second gets right.
        total: All answers.
        confidence: Of the interval, 0.95 for instance.

    Example:
        >>> low, high = matched_difference(0, 0, 216, 0.95)
        >>> round(low, 4), round(high, 4)
        (-0.0175, 0.0175)
    """
    found, quantile = (lost - won) / total, float(norm.ppf((1 + confidence) / 2))

    def excess(difference: float, side: float) -> float:
        middle = (2 * total - lost + won) * difference - lost - won
        root = np.sqrt(max(middle**2 + 8 * total * won * difference * (1 - difference), 0.0))
        constrained = (root - middle) / (4 * total)  # the share won, if the difference were this one
        variance = total * (2 * constrained + difference * (1 - difference))
        return float(side * (lost - won - total * difference) - quantile * np.sqrt(max(variance, 0.0)))

    low = -1.0 if found <= EDGE - 1 else brentq(excess, -1.0, found - EDGE, args=(1.0,))
    high = 1.0 if found >= 1 - EDGE else brentq(excess, found + EDGE, 1.0, args=(-1.0,))
    return Interval(float(low), float(high))


def growth(before: Array, after: Array, confidence: float) -> Interval:
    """Return the interval of mean(after) / mean(before) - 1 of pairs (N,) by Fieller (1954, J. R. Stat. Soc. B 16).

    It has no upper end if there is one pair only, or if `before` itself is not told from 0.
    """
    if len(before) < 2:
        return Interval(-1.0, np.inf)
    quantile = float(t.ppf((1 + confidence) / 2, len(before) - 1))
    covariances = np.cov(before, after) * quantile**2 / len(before)
    means = np.array([before.mean(), after.mean()])
    (square, mixed), (_, other) = np.outer(means, means) - covariances
    if square <= 0:
        return Interval(-1.0, np.inf)
    half = np.sqrt(max(mixed**2 - square * other, 0.0))
    return Interval(float((mixed - half) / square - 1), float((mixed + half) / square - 1))


def _count(clusters: Clusters) -> int:
    return int(clusters.max(initial=-1)) + 1


def _pieces(clusters: Clusters) -> Iterator[slice]:
    return (slice(start, start + PIECE) for start in range(0, len(clusters), PIECE))
