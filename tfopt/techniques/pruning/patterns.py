"""A pattern says which weights go together: N of every M in a row, as sparse hardware wants it, or whole blocks.

`2:4` sets the two smallest of every four consecutive input weights of each output to zero (Mishra et al. 2021,
arXiv:2104.08378), `1:4` one of four, as TensorFlow Model Optimization counts; papers count those that stay, which is
`keep:1of4`. `block:1x4` ranks blocks by their mean magnitude and removes the smallest ones whole. Both are those
of TensorFlow Model Optimization, extended to kernels of any rank.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfopt.config.choices import Scope
from tfopt.techniques.pruning.magnitude import masks as magnitude_masks
from tfopt.typing import Array


class Block(NamedTuple):
    """Rows (input weights in order) and columns (output channels) of a block; 1x1 is a single weight."""

    rows: int
    columns: int


class NOfM(NamedTuple):
    """So many zeros in every group of so many consecutive input weights."""

    zeros: int
    group: int


Pattern = Block | NOfM
SINGLE = Block(1, 1)


def parse(text: str | None) -> Pattern:
    """Read `2:4`, `keep:1of4` or `block:1x4`, whose form has been checked; None means single weights."""
    if text is None:
        return SINGLE
    if text.startswith("block:"):
        rows, columns = text.removeprefix("block:").split("x")
        return Block(int(rows), int(columns))
    if text.startswith("keep:"):
        kept, group = text.removeprefix("keep:").split("of")
        return NOfM(int(group) - int(kept), int(group))
    zeros, group = text.split(":")
    return NOfM(int(zeros), int(group))


def masks(kernels: Sequence[Array], sparsity: float, scope: Scope, pattern: Pattern = SINGLE) -> list[Array]:
    """Return a boolean mask for each kernel (rank 2 or more, output channels last), False where a weight goes.

    With a `Block` the share `sparsity` of the blocks of each kernel or of all together goes; an `NOfM` says itself how
    many go.
    """
    if isinstance(pattern, NOfM):
        return [_n_of_m(kernel, pattern) for kernel in kernels]
    if pattern == SINGLE:
        return magnitude_masks(kernels, sparsity, scope)
    pooled = [_pooled(kernel, pattern) for kernel in kernels]
    return [
        np.repeat(np.repeat(kept, pattern.rows, axis=0), pattern.columns, axis=1)[
            : kernel.size // kernel.shape[-1], : kernel.shape[-1]
        ].reshape(kernel.shape)
        for kept, kernel in zip(magnitude_masks(pooled, sparsity, scope), kernels, strict=True)
    ]


def _n_of_m(kernel: Array, pattern: NOfM) -> Array:
    inputs_last = np.abs(np.moveaxis(kernel, -2, -1))
    padding = [(0, 0)] * (kernel.ndim - 1) + [(0, -inputs_last.shape[-1] % pattern.group)]
    padded = np.pad(inputs_last, padding)
    groups = padded.reshape(-1, pattern.group)
    kept = np.argsort(-groups, axis=1, kind="stable")[:, : pattern.group - pattern.zeros]
    mask = np.zeros(groups.shape, bool)
    np.put_along_axis(mask, kept, values=True, axis=1)
    return np.moveaxis(mask.reshape(padded.shape)[..., : inputs_last.shape[-1]], -1, -2)


def _pooled(kernel: Array, block: Block) -> Array:
    """Mean magnitude of each block of the kernel as a matrix; what sticks out at the edges does not count."""
    matrix = np.abs(kernel).reshape(-1, kernel.shape[-1]).astype(np.float64)
    edges = [np.arange(0, size, step) for size, step in zip(matrix.shape, block, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(matrix, edges[0], axis=0), edges[1], axis=1)
    ones = np.ones_like(matrix)
    counts = np.add.reduceat(np.add.reduceat(ones, edges[0], axis=0), edges[1], axis=1)
    return (sums / counts).astype(np.float32)
