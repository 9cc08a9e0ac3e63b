"""Compensation: what rounding one weight gets wrong, the others make up for, as the layer's inputs weigh errors.

The squared error of a layer's outputs is (w - q)^T H (w - q) with H the second moment of its inputs. GPTQ (Frantar et
al. 2022, arXiv:2210.17323) rounds one input weight after the other, those of large inputs first, and adjusts those that
come later; coordinate descent (Behdin et al. 2023, arXiv:2309.01885) then goes through all of them again, each the best
for what the others are.
"""

import numpy as np
from numpy.typing import NDArray

from tfopt.techniques.rounding.levels import Levels, codes, values
from tfopt.typing import Array

BLOCK = 128  # rows that are rounded before the others hear of their errors
ROUNDS = 4  # of coordinate descent, before the scale is set anew
REFITS = 2  # of the scale
SHARES = 0.75, 1.25  # of the scale of least squared error of the weights, between which that of the answers is searched
CANDIDATES = 9
WORK = 1e11  # multiplications for a kernel; of a large one fewer scales are tried


def compensated(
    kernel: Array, scale: Array, levels: Levels, second: Array, alive: NDArray[np.int8] | None = None
) -> tuple[NDArray[np.int8], Array]:
    """Round such that the answers have the least error: GPTQ and coordinate descent with several scales a channel.

    Args:
        kernel: Kernels (G, K, C).
        scale: The scale (G, C) of each output channel, around which others are tried.
        levels: The integers there are.
        second: The second moments (G, K, K) of the inputs, positive definite.
        alive: 0 (G, K, C) for a weight that has to be zero, else 1; None for all to be free.

    Returns:
        The integers (G, K, C) and the scale (G, C) of the best.
    """
    groups, size, channels = kernel.shape
    passes = 1 + ROUNDS * (1 + REFITS)
    count = int(np.clip(WORK / (passes * size * kernel.size), 1, CANDIDATES))
    shares = np.linspace(*SHARES, count) if count > 1 else np.ones(1)
    wide = np.tile(kernel, count)
    tried = np.concatenate([scale * share for share in shares], axis=1)
    free = np.ones_like(wide, np.int8) if alive is None else np.tile(alive, count)
    chosen = descend(wide, gptq(wide, tried, levels, second, free), tried, levels, second, free)
    for _ in range(REFITS):
        tried = _fitted(wide, chosen, tried, second)
        chosen = descend(wide, chosen, tried, levels, second, free)
    errors = error(wide, values(chosen, tried), second).reshape(groups, count, channels)
    best = np.argmin(errors, axis=1) * channels + np.arange(channels)
    return np.take_along_axis(chosen, best[:, np.newaxis], 2), np.take_along_axis(tried, best, 1)


def _fitted(kernel: Array, chosen: NDArray[np.int8], scale: Array, second: Array) -> Array:
    """Return the scale (G, C) of least error for these integers; a channel of zeros keeps its own."""
    weighed = second @ chosen.astype(np.float64)
    along, length = (np.sum(x * weighed, axis=1) for x in (kernel, chosen))
    known = (along > 0) & (length > 0)
    return np.where(known, along / np.where(known, length, 1), scale)


def gptq(kernel: Array, scale: Array, levels: Levels, second: Array, alive: NDArray[np.int8]) -> NDArray[np.int8]:
    """Round by GPTQ in the order of the inputs' second moments, largest first.

    Args:
        kernel: Kernels (G, K, C).
        scale: The scale (G, C) of each output channel.
        levels: The integers there are.
        second: The second moments (G, K, K) of the inputs, positive definite.
        alive: 0 (G, K, C) for a weight that has to be zero, else 1.

    Returns:
        Integers (G, K, C).
    """
    order = np.argsort(-np.diagonal(second, axis1=1, axis2=2), axis=1, kind="stable")
    group = np.arange(len(order))[:, np.newaxis]
    upper = _cholesky_of_inverse(second[group[..., np.newaxis], order[:, :, np.newaxis], order[:, np.newaxis]])
    weights, alive = kernel[group, order].astype(np.float64), alive[group, order]
    chosen = np.zeros(kernel.shape, np.int8)
    size = kernel.shape[1]
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        errors = np.zeros((len(kernel), end - start, kernel.shape[2]))
        for row in range(start, end):
            chosen[:, row] = codes(weights[:, row : row + 1], scale, levels)[:, 0] * alive[:, row]
            error = (weights[:, row] - chosen[:, row] * scale) / upper[:, row, row, np.newaxis]
            weights[:, row + 1 : end] -= upper[:, row, row + 1 : end, np.newaxis] * error[:, np.newaxis]
            errors[:, row - start] = error
        weights[:, end:] -= np.swapaxes(upper[:, start:end, end:], 1, 2) @ errors
    result = np.empty_like(chosen)
    result[group, order] = chosen
    return result


def descend(
    kernel: Array,
    chosen: NDArray[np.int8],
    scale: Array,
    levels: Levels,
    second: Array,
    alive: NDArray[np.int8],
) -> NDArray[np.int8]:
    """Go through all weights a few times, each time taking the integer that is best for what the others are.

    Arguments and result are those of `gptq`, `chosen` (G, K, C) what to begin with; the error never grows.
    """
    chosen = chosen.copy()
    for _ in range(ROUNDS):
        before = chosen.copy()
        gradient: Array = second @ (kernel - values(chosen, scale))
        for start in range(0, kernel.shape[1], BLOCK):
            rows = slice(start, min(start + BLOCK, kernel.shape[1]))
            old = chosen[:, rows].astype(np.int16)
            block = second[:, rows, rows]
            _descend_block(chosen[:, rows], gradient[:, rows].copy(), scale, levels, block, alive[:, rows])
            gradient -= second[:, :, rows] @ values(chosen[:, rows] - old, scale)
        if np.array_equal(chosen, before):
            break
    return chosen


def _descend_block(
    chosen: NDArray[np.int8],
    gradient: Array,
    scale: Array,
    levels: Levels,
    second: Array,
    alive: NDArray[np.int8],
) -> None:
    """Improve the integers of a block of rows in place; `gradient` is H (w - q) of these rows."""
    for row in range(chosen.shape[1]):
        held = chosen[:, row] * scale
        wanted = held + gradient[:, row] / second[:, row, row, np.newaxis]
        chosen[:, row] = codes(wanted[:, np.newaxis], scale, levels)[:, 0] * alive[:, row]
        change = chosen[:, row] * scale - held
        gradient -= second[:, :, row, np.newaxis] * change[:, np.newaxis]


def error(kernel: Array, result: Array, second: Array) -> Array:
    """Return the mean squared error (G, C) of the outputs of each channel: (w - q)^T H (w - q)."""
    missing = kernel - result
    return np.asarray(np.sum(missing * (second @ missing), axis=1))


def _cholesky_of_inverse(second: Array) -> Array:
    """Upper triangular U (G, K, K) with U^T U = inverse of the second moment (GPTQ, step 3)."""
    return np.swapaxes(np.linalg.cholesky(np.linalg.inv(second)), 1, 2)
