"""A weight of b bits is an integer times a step: the step of each group of weights, started by least squares.

The integers are symmetric, -(2^(b-1) - 1) to 2^(b-1) - 1, so that a normalization, whatever its signs, can be folded
into the steps (Krishnamoorthi 2018, arXiv:1806.08342, section 3.2). The step of least squared error is found by turns,
as in Lloyd's method: given the integers q the best step is <w, q> / <q, q>, and given the step the nearest integers are
best.

Everything here works on a kernel as a matrix (K, C): input weights by output channels.
"""

import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array

TURNS = 8
STARTS = (1.0, 0.7, 0.5, 0.35)  # of the step that reaches the largest weight
LEAST = 1e-12  # of a step: a channel of zeros has one, too


def largest_integer(bits: int) -> int:
    """Return the largest integer of a weight of so many bits.

    >>> [largest_integer(bits) for bits in (8, 4, 3, 2)]
    [127, 7, 3, 1]
    """
    return int(2 ** (bits - 1) - 1)


def nearest_integers(kernel: Array, steps: Array, bits: int) -> NDArray[np.int8]:
    """Return the integers whose products with the steps are nearest to the weights.

    Args:
        kernel: The weights (K, C).
        steps: The step (C,) of each channel.
        bits: Bits of a weight.

    Example:
        >>> nearest_integers(np.array([[0.9, -0.2], [-0.4, 0.3]]), np.array([0.5, 0.2]), bits=2)
        array([[ 1, -1],
               [-1,  1]], dtype=int8)
    """
    limit = largest_integer(bits)
    return np.clip(np.round(kernel / steps), -limit, limit).astype(np.int8)


def least_squares_steps(kernel: Array, bits: int, groups: Array | None = None) -> Array:
    """Find the step of each group of channels with which the rounded weights are nearest to the kernel.

    Args:
        kernel: The weights (K, C).
        bits: Bits of a weight.
        groups: The group (C,) of each channel, counted from 0; None where each has a step of its own.

    Returns:
        The steps (G,).

    Example:
        >>> least_squares_steps(np.array([[1.0, 3.0], [-1.0, 0.0]]), bits=2)
        array([1., 3.])
    """
    groups = np.arange(kernel.shape[1]) if groups is None else np.asarray(groups)
    kernel = kernel.astype(np.float64)
    largest = np.zeros(groups.max() + 1)
    np.maximum.at(largest, groups, np.abs(kernel).max(axis=0, initial=0))
    best, error = np.maximum(largest, LEAST), np.full(len(largest), np.inf)
    for start in STARTS:
        steps = np.maximum(largest / largest_integer(bits) * start, LEAST)
        for _ in range(TURNS):
            steps = _best_steps(kernel, nearest_integers(kernel, steps[groups], bits), groups, steps)
        found = _summed((kernel - nearest_integers(kernel, steps[groups], bits) * steps[groups]) ** 2, groups)
        best, error = np.where(found < error, steps, best), np.minimum(found, error)
    return best


def _best_steps(kernel: Array, integers: Array, groups: Array, before: Array) -> Array:
    """Return the steps of least error for these integers; that before where all of a group are zero."""
    whole = integers.astype(np.float64)
    powers, products = _summed(whole**2, groups), _summed(kernel * whole, groups)
    return np.where(powers > 0, np.maximum(products / np.maximum(powers, 1), LEAST), before)


def _summed(values: Array, groups: Array) -> Array:
    return np.bincount(groups, weights=values.sum(axis=0))
