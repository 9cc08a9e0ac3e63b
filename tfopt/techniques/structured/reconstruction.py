"""Channels leave first that what reads them misses least when its other inputs make up for them.

If inputs leave a layer with second moments H and kernel W, and the others get the least-squares kernel, the answers
err by tr(W_b^T (H^-1)_bb^-1 W_b): Optimal Brain Surgeon (Hassibi and Stork 1993), by layers as in Optimal Brain
Compression (Frantar and Alistarh 2022, arXiv:2208.11580, eq. 3), here for all rows of a channel in all layers that read
it, as ThiNet (Luo et al. 2017, arXiv:1707.06342) chooses by what the next layer is fed. The channel of least error
leaves, H and W are brought up to date, and so on.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from tfopt.typing import Array

ROUNDS = 32  # in which the first half or so leaves; the errors of all are reckoned anew in each


class Reader(NamedTuple):
    """A kernel that reads n channels, p rows each, side by side, beside others that stay.

    Attributes:
        inverse: The part (n * p, n * p) of the inverse second moments of all its inputs.
        kernel: The rows (n * p, C).
        size: The number p of rows of a channel.
    """

    inverse: Array
    kernel: Array
    size: int

    def errors(self) -> Array:
        """Return the error (n,) at the answers without each of the channels."""
        count = len(self.kernel) // self.size
        each = np.arange(count)
        blocks = self.inverse.reshape(count, self.size, count, self.size)[each, :, each]
        rows = self.kernel.reshape(count, self.size, -1)
        return np.asarray(np.sum(np.linalg.inv(blocks) * (rows @ np.swapaxes(rows, 1, 2)), axis=(1, 2)))

    def only(self, channels: Array) -> Self:
        """Return the same for some of the channels (m,), the others staying."""
        rows = self._rows(channels)
        return type(self)(self.inverse[np.ix_(rows, rows)], self.kernel[rows], self.size)

    def without(self, channels: Array) -> Self:
        """Return what is left without some channels (m,), the others making up for them."""
        gone = self._rows(channels)
        left = np.setdiff1d(np.arange(len(self.kernel)), gone)
        between = self.inverse[np.ix_(left, gone)]
        solved = np.linalg.solve(
            self.inverse[np.ix_(gone, gone)], np.concatenate([between.T, self.kernel[gone]], axis=1)
        )
        inverse = self.inverse[np.ix_(left, left)] - between @ solved[:, : len(left)]
        return type(self)(inverse, self.kernel[left] - between @ solved[:, len(left) :], self.size)

    def _rows(self, channels: Array) -> Array:
        return np.asarray(channels[:, np.newaxis] * self.size + np.arange(self.size)).ravel()


def compensated_kernel(kernel: Array, between: Array, gone: Array) -> Array:
    """Return the kernel (K, C) that answers most like the one given without some inputs.

    Args:
        kernel: The kernel (K, C).
        between: The columns (K, m) of the inverse second moments of the inputs that leave.
        gone: Which inputs (m,) leave.
    """
    fitted = kernel - between @ np.linalg.solve(between[gone], kernel[gone])
    fitted[gone] = 0
    return fitted


def removal_order(readers: Sequence[Reader], most: int | None = None) -> tuple[Array, Array]:
    """Find the order in which channels leave.

    Many leave in a round: of the twice as many that would be missed least alone, one after the other.

    Args:
        readers: All kernels that read them.
        most: How many leave, None for all.

    Returns:
        The channels (m,) in that order, and the error (m,) of all readers once each has left.
    """
    left = np.arange(len(readers[0].kernel) // readers[0].size)
    most = len(left) if most is None else most
    order: list[int] = []
    errors: list[float] = []
    while len(order) < most:
        alone: Array = np.sum([reader.errors() for reader in readers], axis=0)
        count = min(max(1, len(left) // ROUNDS), most - len(order))
        if count == 1:
            gone = np.argmin(alone, keepdims=True)
            grown = alone[gone]
        else:
            near = np.argsort(alone, kind="stable")[: 2 * count]
            found, grown = removal_order([reader.only(near) for reader in readers], count)
            gone = near[found]
        errors += ((errors[-1] if errors else 0) + np.maximum(grown, 0)).tolist()
        order += left[gone].tolist()
        readers = [reader.without(gone) for reader in readers]
        left = np.delete(left, gone)
    return np.array(order), np.array(errors)
