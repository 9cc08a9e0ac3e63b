"""Weights of smallest magnitude go first, in each kernel or in all kernels together (Han et al. 2015)."""

from collections.abc import Sequence

import numpy as np

from tfopt.config.choices import Scope
from tfopt.typing import Array


def masks(kernels: Sequence[Array], sparsity: float, scope: Scope) -> list[Array]:
    """Return a boolean mask for each kernel, False where a weight goes; exactly round(sparsity * size) go.

    With scope `layer`, also called `local`, that holds in each kernel, with `global` in all of them together. Among
    equal magnitudes those further back go first.
    """
    if scope != "global":
        return [_mask(kernel, sparsity) for kernel in kernels]
    together = _mask(np.concatenate([kernel.ravel() for kernel in kernels]), sparsity)
    ends = np.cumsum([kernel.size for kernel in kernels])[:-1]
    return [part.reshape(kernel.shape) for part, kernel in zip(np.split(together, ends), kernels, strict=True)]


def _mask(weights: Array, sparsity: float) -> Array:
    count = round(sparsity * weights.size)
    if not count:
        return np.ones(weights.shape, bool)
    magnitudes = np.abs(weights).ravel()
    magnitudes.partition(count - 1)  # in place: a copy of all weights takes memory
    threshold = magnitudes[count - 1]
    magnitudes = np.abs(weights, out=magnitudes.reshape(weights.shape)).ravel()
    mask: Array = magnitudes >= threshold
    ties = np.flatnonzero(magnitudes == threshold)
    mask[ties[len(ties) - (count - int(mask.size - mask.sum())) :]] = False
    return mask.reshape(weights.shape)


def sparsity(weights: Array) -> float:
    """Return the fraction of weights that are exactly zero."""
    return 1 - np.count_nonzero(weights) / weights.size if weights.size else 0.0
