"""Batches whose order depends on the seed and the epoch only, so that a resumed run sees what it would have seen.

The samples of an epoch are spread evenly over its batches instead of leaving a small last one.
"""

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.data.lazy_arrays import LazyArray, is_large, reader_of
from tfopt.distribution.sharding import ALL_REPLICAS, Shard, split_batches
from tfopt.training.augmentation import Augment
from tfopt.typing import Array, Tensor

KEYS_PER_STEP = 8  # keys that a step may use, at most
without_autograph = tf.autograph.experimental.do_not_convert  # nothing here depends on the values of tensors


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return the number of batches that hold `samples` samples at most `batch_size` each."""
    return ceil(samples / batch_size)


def training_batches(
    inputs: Sequence[Array],
    y: Array,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int,
    epochs: int,
    first_step: int = 0,
    shard: Shard = ALL_REPLICAS,
    augment: Augment | None = None,
    sample_weights: Array | None = None,
) -> tf.data.Dataset:
    """Make the batches of the epochs from `first_epoch` up to `epochs` in a row, each sample once an epoch.

    Args:
        inputs: An array (N, ...) for each input.
        y: Targets (N, ...).
        batch_size: The largest number of samples in a batch, over all replicas.
        seed: Decides the order, with the number of the epoch.
        first_epoch: The epoch with which to begin.
        epochs: The number of the last epoch, plus one.
        first_step: The step with which the first epoch begins.
        shard: The replicas that the batches are for.
        augment: Changes the samples and targets of a batch.
        sample_weights: How much each sample counts (N,).

    Returns:
        Batches (x, y), in which x is a tuple if there are several inputs. With `sample_weights`, or if replicas
        cannot share every batch equally, they are (x, y, weights); weights have as many axes as targets, along which a
        loss may have a value each.
    """
    samples = len(y)
    steps = steps_per_epoch(samples, batch_size)
    shares = split_batches(samples, steps, shard)
    columns = [_row_reader(x) for x in (*inputs, y)]
    uneven = bool(np.any(shares.weight != 1))
    counted = np.ones(samples) if sample_weights is None else sample_weights
    weighed = (
        None
        if sample_weights is None and not uneven
        else tf.constant(counted.reshape(-1, *[1] * (y.ndim - 1)), tf.float32)
    )

    @without_autograph
    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(tf.range(samples), seed=key)
        return tf.data.Dataset.from_tensor_slices(shares).map(
            without_autograph(
                lambda part: (order[part.start : part.end], number * steps * shard.of + part.number, part.weight)
            )
        )

    @without_autograph
    def batch(rows: tf.Tensor, part: tf.Tensor, share: tf.Tensor) -> tuple[Tensor, ...]:
        x: Sequence[tf.Tensor]
        *x, targets = (column(rows) for column in columns)
        if augment:
            x, targets = augment(x, targets, tf.stack([tf.constant(seed, tf.int64), part * KEYS_PER_STEP]))
        pair = _pair([*x, targets])
        return pair if weighed is None else (*pair, tf.gather(weighed, rows) * share)

    rows = tf.data.Dataset.range(first_epoch, epochs).flat_map(epoch).skip(first_step * shard.local)
    calls = tf.data.AUTOTUNE if augment else _parallel_calls([*inputs, y])
    return rows.map(batch, num_parallel_calls=calls).prefetch(2)


def evaluation_batches(
    inputs: Sequence[Array], y: Array, *, batch_size: int, shard: Shard = ALL_REPLICAS
) -> tf.data.Dataset:
    """Make batches (x, y) in the order given, each sample once; arguments as for `training_batches`."""
    columns = [_row_reader(x) for x in (*inputs, y)]
    shares = split_batches(len(y), steps_per_epoch(len(y), batch_size), shard)
    batches = tf.data.Dataset.from_tensor_slices((shares.start, shares.end)).map(
        without_autograph(lambda start, end: _pair([column(tf.range(start, end)) for column in columns])),
        _parallel_calls([*inputs, y]),
    )
    if not _parallel_calls([*inputs, y]) and shard.of == 1:
        batches = batches.cache()  # to set up the map anew for every epoch takes longer than a small epoch
    return batches.prefetch(2)


def _pair(tensors: Sequence[tf.Tensor]) -> tuple[Tensor, tf.Tensor]:
    *x, y = tensors
    return (x[0] if len(x) == 1 else tuple(x)), y


def _row_reader(x: Array) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make a function that gives the samples of a tensor of rows: from memory, or from files."""
    if isinstance(x, LazyArray):
        return x.reader()
    if _is_view(x):
        return reader_of(x)
    values = tf.constant(x)
    return lambda rows: tf.gather(values, rows)


def _parallel_calls(inputs: Sequence[Array]) -> int | None:
    """Return how many batches are made at the same time: several where files are read, else None for one."""
    return tf.data.AUTOTUNE if any(isinstance(x, LazyArray) or _is_view(x) for x in inputs) else None


def _is_view(x: Array) -> bool:
    """Tell whether a large array is a view of a small one, as overlapping windows of a series are."""
    return is_large(x.shape) and not x.flags.c_contiguous


def balanced_sample_weights(y: Array) -> NDArray[np.float32]:
    """Return weights with which classes of few samples count as much as those of many.

    Args:
        y: Class indices (N,).

    Returns:
        Weights (N,), N / (classes * samples of the class), with a mean of 1.

    Example:
        >>> balanced_sample_weights(np.array([0, 0, 1, 1, 1, 1]))
        array([1.5 , 1.5 , 0.75, 0.75, 0.75, 0.75], dtype=float32)
    """
    counts = np.bincount(y)
    weights: NDArray[np.float32] = (len(y) / (np.count_nonzero(counts) * counts[y])).astype(np.float32)
    return weights
