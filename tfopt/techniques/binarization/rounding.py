"""Few values a weight: a sign (binary), a sign or zero (ternary), or 8 bits, times a scale for each output channel.

Binary weights are s * sign(w) with s = mean |w|, which is nearest to w in the mean square (XNOR-Net, Rastegari et al.
2016, arXiv:1603.05279, eq. 6). Ternary ones are s * {-1, 0, 1} (Li et al. 2016, arXiv:1605.04711) with the threshold
and scale of least squared error. GPTQ (Frantar et al. 2022, arXiv:2210.17323) rounds one input weight after the other
and lets those that come later make up for the error, as the layer's inputs weigh it.

Everything here works on a kernel as a matrix (K, C): input weights by output channels.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array

Levels = Literal["binary", "ternary", "int8"]
INT8_LIMIT = 127
DAMPING = 0.01  # of the mean diagonal, as in GPTQ
BLOCK = 128  # rows that are rounded before the others hear of their errors


def scales(kernel: Array, levels: Levels) -> Array:
    """Scale (C,) of each output channel of a kernel (K, C); 0 for a channel of zeros."""
    magnitudes = np.abs(kernel)
    match levels:
        case "binary":
            return np.asarray(magnitudes.mean(axis=0))
        case "ternary":
            return _ternary_scales(magnitudes)
        case "int8":
            return np.asarray(magnitudes.max(axis=0) / INT8_LIMIT)


def _ternary_scales(magnitudes: Array) -> Array:
    """The mean of the k largest magnitudes, k such that the squared error, the sum less (sum of k)^2 / k, is least."""
    ordered = -np.sort(-magnitudes, axis=0)
    sums = np.cumsum(ordered, axis=0)
    counts = np.arange(1, len(ordered) + 1)[:, np.newaxis]
    best = np.argmax(sums**2 / counts, axis=0)
    return np.asarray(np.take_along_axis(sums / counts, best[np.newaxis], axis=0)[0])


def codes(kernel: Array, scale: Array, levels: Levels) -> NDArray[np.int8]:
    """The integer (K, C) of each weight whose product with the scale is nearest to it."""
    if levels == "binary":
        return np.where(kernel < 0, -1, 1).astype(np.int8)
    ratio = np.divide(kernel, scale, out=np.zeros_like(kernel), where=scale > 0)
    limit = 1 if levels == "ternary" else INT8_LIMIT
    return np.clip(np.round(ratio), -limit, limit).astype(np.int8)


def nearest(kernel: Array, levels: Levels) -> Array:
    """The kernel (K, C) with the values that are nearest to it."""
    scale = scales(kernel, levels)
    return codes(kernel, scale, levels) * scale


def compensated(kernel: Array, scale: Array, levels: Levels, second_moment: Array) -> NDArray[np.int8]:
    """Codes (K, C) by GPTQ; `second_moment` (K, K) is the mean of x x^T over the layer's inputs."""
    inverse = _cholesky_of_inverse(second_moment)
    weights = kernel.astype(np.float64)
    result = np.zeros(kernel.shape, np.int8)
    for start in range(0, len(weights), BLOCK):
        end = min(start + BLOCK, len(weights))
        errors = np.zeros((end - start, kernel.shape[1]))
        for row in range(start, end):
            result[row] = codes(weights[row : row + 1], scale, levels)[0]
            errors[row - start] = (weights[row] - result[row] * scale) / inverse[row, row]
            weights[row + 1 : end] -= np.outer(inverse[row, row + 1 : end], errors[row - start])
        weights[end:] -= inverse[start:end, end:].T @ errors
    return result


def _cholesky_of_inverse(second_moment: Array) -> Array:
    """Upper triangular U with U^T U = inverse of the damped second moment (GPTQ, step 3)."""
    damped = second_moment.astype(np.float64)
    mean = np.mean(np.diag(damped))
    damped[np.diag_indices_from(damped)] += DAMPING * mean if mean > 0 else 1.0
    return np.linalg.cholesky(np.linalg.inv(damped)).T
