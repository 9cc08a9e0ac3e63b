"""A rounded kernel that answers, fed what the layers before have become, as the float one did.

What is rounded is not the kernel but the least-squares solution of "inputs now times kernel = float answers". Scale and
bias of each output channel are then set such that its answers have the mean and the variance that they had: rounding
adds noise, and a least-squares scale would shrink what agrees with the float model.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfopt.graph.moments import Moments
from tfopt.techniques.rounding.compensation import compensated
from tfopt.techniques.rounding.levels import Levels, codes, values
from tfopt.techniques.rounding.scales import scales
from tfopt.typing import Array

DAMPING = 0.01  # of the mean second moment, as in GPTQ
SPARSE = 0.05  # of it more, times the number of input weights for each row that was seen: few rows tell little


class Matched(NamedTuple):
    """Integers (G, K, C), their scale (G, C), and what the bias gains (G, C)."""

    chosen: NDArray[np.int8]
    scale: Array
    shift: Array

    @property
    def kernel(self) -> Array:
        """The rounded kernel (G, K, C)."""
        return values(self.chosen, self.scale)


def matched(
    kernel: Array, levels: Levels, fed: Moments, *, alive: NDArray[np.int8] | None = None, compensate: bool
) -> Matched:
    """Round a stack of kernels to these levels by what they multiply.

    The scale of least squares in place of the variance's was tried, and moments about zero in layers without a bias.
    Neither is better on the validation split of seven models (the first by `benchmarks/binarization_defaults.py
    rounding`): binary weights are right in 84.4 % on average by the variance and 83.9 % by least squares, and three
    layers without a bias in 94.9 % by moments about the mean and 94.4 % by those about zero.

    Args:
        kernel: The float kernels (G, K, C).
        levels: The integers that a weight may be.
        fed: The moments of their inputs; without covariances the kernel is rounded to nearest.
        alive: 0 (G, K, C) for a weight that has to stay zero, else 1; None for all to be free.
        compensate: Whether weights make up for the errors of others, see `compensated`.

    Returns:
        The integers, their scale, and what a bias has to gain for the means to stay.
    """
    second = fed.second
    if second is None:
        scale = scales(kernel, levels)
        chosen = codes(kernel, scale, levels)
    else:
        chosen, scale = _rounded(kernel, levels, fed, second, alive, compensate=compensate)
        found = np.sum(chosen * (second @ chosen.astype(np.float64)), axis=1) * scale**2
        known = (fed.power > 0) & (found > 0)
        scale = scale * np.sqrt(np.where(known, fed.power, 1) / np.where(known, found, 1))
    shift = fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * values(chosen, scale), axis=1)
    return Matched(chosen, scale, shift)


def _rounded(
    kernel: Array, levels: Levels, fed: Moments, second: Array, alive: NDArray[np.int8] | None, *, compensate: bool
) -> tuple[NDArray[np.int8], Array]:
    """Round the kernel that answers most like the float one."""
    size = kernel.shape[1]
    mean = np.einsum("gkk->g", second) / size
    damping = np.where(mean > 0, damping_of(fed.rows, size) * mean, 1.0)[:, np.newaxis, np.newaxis] * np.eye(size)
    target = np.linalg.solve(second + damping, fed.cross + damping @ kernel)
    free = target if alive is None else target * alive
    scale = scales(free, levels)
    if compensate and levels != "int8":  # of 8 bits the largest must stay the largest, which says the scale in the file
        return compensated(target, scale, levels, second + damping, alive)
    return codes(free, scale, levels), scale


def damping_of(rows: int, size: int) -> float:
    """Return the share of the mean second moment that is added to each input's, for so many rows and input weights.

    >>> damping_of(rows=100_000, size=100), damping_of(rows=50, size=100)
    (0.01005, 0.11)
    """
    return DAMPING + SPARSE * size / rows
