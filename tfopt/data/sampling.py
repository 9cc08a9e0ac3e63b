"""A fair sample of a split, for what cannot look at all of it.

Sources are often sorted: a folder of images by class, a table by date. The first N samples of such a source are a few
classes or one season, so whoever needs N samples takes them by this order instead.
"""

import numpy as np

from tfopt.typing import Array


def fair_order(labels: Array, seed: int = 0) -> Array:
    """Return the rows (N,) of a split in an order of which every beginning is a fair sample, the same for a seed.

    Args:
        labels: Class indices (N,), of which the order begins with one of each and then keeps their shares (Cochran
            1977, Sampling Techniques, chapter 5); labels of any other kind (N, ...) leave it to chance.
        seed: Of the order.

        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> sorted(labels[fair_order(labels)[:2]].tolist()), sorted(labels[fair_order(labels)[:3]].tolist())
        ([0, 1], [0, 0, 1])
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        return order
    _, classes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    rank = np.empty(len(labels))
    rank[np.argsort(classes, kind="stable")] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.where(rank == 0, -1.0, (rank + rng.random(len(labels))) / counts[classes])
    return order[np.argsort(place, kind="stable")]


def spread_rows(rows: int, count: int, seed: int = 0) -> Array:
    """Choose a row at random from each of `count` equal parts of so many `rows` in time: all seasons, and all hours.

    >>> spread_rows(1000, 4) // 250
    array([0, 1, 2, 3])
    """
    edges = np.linspace(0, rows, count + 1).astype(np.int64)
    return np.random.default_rng(seed).integers(edges[:-1], edges[1:])
