"""Centroids are the values that a kernel's weights share: k-means on numbers from one of four starts (Han et al. 2016).

Deep Compression (arXiv:1510.00149) compares the starts: `linear` ones are spread evenly between the smallest and the
largest weight, `density` ones evenly over the weights in order, `random` ones are uniform in that range, and `kmeans++`
ones are far from each other (Arthur & Vassilvitskii 2007).
"""

import numpy as np

from tfopt.config.choices import Initialization
from tfopt.typing import Array

MOST_SAMPLES = 50_000  # centroids of a larger kernel are found on that many of its weights


def clustered(kernel: Array, clusters: int, init: Initialization, seed: int, *, per_channel: bool, keep: bool) -> Array:
    """Replace each weight by the nearest of at most `clusters` centroids, of the kernel or of each output channel.

    With `keep`, zeros stay zero and are one of the clusters. The output channel is the last axis.
    """
    if not per_channel:
        return _shared(kernel.ravel(), clusters, init, seed, keep=keep).reshape(kernel.shape)
    columns = kernel.reshape(-1, kernel.shape[-1])
    shared = [_shared(column, clusters, init, seed, keep=keep) for column in columns.T]
    return np.stack(shared, axis=-1).reshape(kernel.shape)


def starts(weights: Array, clusters: int, init: Initialization, seed: int) -> Array:
    """Return the first centroids (clusters,) for weights (N,)."""
    rng = np.random.default_rng(seed)
    match init:
        case "linear":
            return np.linspace(weights.min(), weights.max(), clusters)
        case "density":
            return np.quantile(weights, (np.arange(clusters) + 0.5) / clusters)
        case "random":
            return np.sort(rng.uniform(weights.min(), weights.max(), clusters))
        case "kmeans++":
            from sklearn.cluster import kmeans_plusplus

            return np.asarray(kmeans_plusplus(weights[:, None], clusters, random_state=seed)[0]).ravel()


def _shared(weights: Array, clusters: int, init: Initialization, seed: int, *, keep: bool) -> Array:
    from sklearn.cluster import KMeans

    kept = (weights == 0) & keep
    rest = weights[~kept]
    count = clusters - int(kept.any())
    if len(np.unique(rest)) <= count:
        return weights
    rng = np.random.default_rng(seed)
    some = rest if len(rest) <= MOST_SAMPLES else rng.choice(rest, MOST_SAMPLES, replace=False)
    if len(np.unique(some)) <= count:
        means = some
    else:
        first = starts(some, count, init, seed)
        means = KMeans(count, init=first[:, None], n_init=1).fit(some[:, None]).cluster_centers_.ravel()
    result = weights.copy()
    result[~kept] = nearest(rest, means)
    return result


def nearest(weights: Array, centroids: Array) -> Array:
    """Replace each weight (N,) by the nearest centroid."""
    ordered = np.unique(centroids)
    borders = (ordered[1:] + ordered[:-1]) / 2
    return ordered[np.searchsorted(borders, weights)].astype(weights.dtype)
