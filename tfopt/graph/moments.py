"""Moments of what a kernel multiplies: they tell how each output channel is distributed, whatever the kernel is.

They are sums over batches, so that no more than a batch of patches is in memory at once. A model and the one that is
made of it, rounded or smaller, run side by side: what counts is how the inputs of the latter go with the answers of the
former.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfopt.typing import Array, Tensor

MOST_ROWS = 256  # of a sample, at random: neighbouring patches are much alike
MOST_INPUTS = 6144  # input weights of a channel whose covariances, 300 MB a matrix, are still computed
ROWS = 32  # for each input weight, that a least-squares solution takes


class Moments(NamedTuple):
    """Moments of the inputs of a stack of G matrices (K, C) in the model that is made, and of the answers of the first.

    Attributes:
        rows: The number of rows that were seen.
        mean: The mean (G, K) of the inputs.
        mean_answer: The mean (G, C) of the answers, without bias.
        second: The covariances (G, K, K) of the inputs; None if there are too many.
        cross: Those (G, K, C) of the inputs with the answers.
        power: The variances (G, C) of the answers.
    """

    rows: int
    mean: Array
    mean_answer: Array
    second: Array | None
    cross: Array
    power: Array


def gather_moments(pairs: Iterable[tuple[Tensor, Tensor, int]], kernel: Array, most_rows: int = MOST_ROWS) -> Moments:
    """Add up the moments of all batches.

    Args:
        pairs: For each batch what the kernel multiplies (M, G, K) in the float model, and what its counterpart does
            (M, G, k) in the other one; the same object if both are the same; and how many samples it has.
        kernel: The float kernel (G, K, C).
        most_rows: The most rows of a sample that count.

    Returns:
        The moments, in double precision.
    """
    weights = tf.constant(kernel, tf.float32)
    count, wide, sums = 0, False, [np.zeros(())] * 5
    for number, (before, after, samples) in enumerate(pairs):
        some = _some_rows(len(before), most_rows * samples, number)
        wide = after.shape[-1] > MOST_INPUTS
        if some is not None:
            before, after = (tf.gather(x, some) for x in (before, after))
        count += len(before)
        parts = _sums(before, after, weights, wide=wide)
        sums = [total + np.asarray(part, np.float64) for total, part in zip(sums, parts, strict=True)]
    mean, mean_answer, second, cross, power = (np.asarray(total) / count for total in sums)
    with np.errstate(invalid="ignore", over="ignore"):  # infinity less infinity is for the caller to find
        covariances = None if wide else second - mean[..., np.newaxis] * mean[:, np.newaxis]
        cross = cross - mean[..., np.newaxis] * mean_answer[:, np.newaxis]
        return Moments(count, mean, mean_answer, covariances, cross, power - mean_answer**2)


def rows_of_a_sample(size: int, samples: int) -> int:
    """Return how many rows of each of so many samples are enough for a least-squares solution with `size` unknowns.

    >>> rows_of_a_sample(9, 512), rows_of_a_sample(576, 512), rows_of_a_sample(576, 10)
    (1, 36, 256)
    """
    return int(np.clip(ROWS * size / samples, 1, MOST_ROWS))


def about_zero(fed: Moments) -> Moments:
    """Return moments about zero in place of those about the mean: what has no bias cannot make up for a mean."""
    assert fed.second is not None
    return Moments(
        fed.rows,
        np.zeros_like(fed.mean),
        np.zeros_like(fed.mean_answer),
        fed.second + fed.mean[..., np.newaxis] * fed.mean[:, np.newaxis],
        fed.cross + fed.mean[..., np.newaxis] * fed.mean_answer[:, np.newaxis],
        fed.power + fed.mean_answer**2,
    )


def _some_rows(count: int, most: int, seed: int) -> Array | None:
    if count <= most:
        return None
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


@tf.function(reduce_retracing=True)
def _sums(before: Tensor, after: Tensor, kernel: Tensor, *, wide: bool) -> tuple[Tensor, ...]:
    """Sums over the rows of inputs, answers, inputs with themselves and with answers, and squared answers."""
    before, after = (tf.transpose(x, (1, 0, 2)) for x in (before, after))
    answers = before @ kernel
    second = tf.zeros(()) if wide else tf.matmul(after, after, transpose_a=True)
    cross = tf.matmul(after, answers, transpose_a=True)
    means = [tf.reduce_sum(x, axis=1) for x in (after, answers)]
    return *means, second, cross, tf.reduce_sum(answers**2, axis=1)
