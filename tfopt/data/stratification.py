"""Rows split by chance so that each class keeps its share, in arrays alone: a list of Python takes 40 bytes a row.

The draws are those of `StratifiedShuffleSplit` of scikit-learn, so that a model finds the splits it was made with.
"""

import numpy as np

from tfopt.typing import Array


def split_by_class(labels: Array, size: int, seed: int) -> tuple[Array, Array]:
    """Split rows by chance, with the share of each class in both parts.

    Args:
        labels: Class indices (N,).
        size: Rows to split off.
        seed: Decides which.

    Returns:
        The indices of the rows that stay (N - size,), and of those that are split off (size,).

    Raises:
        ValueError: If a class has one row only, or there are more classes than rows in a part.

        >>> kept, cut = split_by_class(np.repeat([0, 1], [8, 4]), 3, seed=0)
        >>> int((cut < 8).sum()), len(kept)
        (2, 9)
    """
    counts = np.bincount(labels)
    classes = np.flatnonzero(counts)
    counts = counts[classes]
    kept_size = len(labels) - size
    if counts.min() < 2 or min(size, kept_size) < len(classes):
        raise ValueError("there are too few rows of a class")
    narrow = labels.astype(np.min_scalar_type(int(classes[-1])))
    rows = np.split(np.argsort(narrow, kind="stable"), np.cumsum(counts)[:-1])
    rng = np.random.RandomState(seed)
    kept_counts = _share(counts, kept_size, rng)
    cut_counts = _share(counts - kept_counts, size, rng)
    parts: tuple[list[Array], list[Array]] = ([], [])
    for own, kept, cut in zip(rows, kept_counts, cut_counts, strict=True):
        order = rng.permutation(len(own))
        parts[0].append(own[order[:kept]])
        parts[1].append(own[order[kept : kept + cut]])
    del rows
    kept_rows, cut_rows = (np.concatenate(part) for part in parts)
    return rng.permutation(kept_rows), rng.permutation(cut_rows)


def _share(counts: Array, draws: int, rng: np.random.RandomState) -> Array:
    """Return how many of `draws` rows are of each class (K,): its share rounded down, the rest to the largest rests."""
    wanted = counts / counts.sum() * draws
    found: Array = np.floor(wanted).astype(np.int64)
    missing, rests = int(draws - found.sum()), wanted - found
    for rest in np.unique(rests)[::-1]:
        if missing <= 0:
            break
        alike = np.flatnonzero(rests == rest)
        added = min(len(alike), missing)
        found[rng.choice(alike, size=added, replace=False)] += 1
        missing -= added
    return found
