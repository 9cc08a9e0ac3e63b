"""Batches whose order depends on the seed and the epoch only, so that a resumed run sees what it would have seen.

The samples of an epoch are spread evenly over its batches instead of leaving a small last one: with several replicas a
last batch smaller than their number leaves one replica without samples, and batch normalization then yields NaN.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.errors import InputError


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return the number of batches that hold `samples` samples at most `batch_size` each."""
    return ceil(samples / batch_size)


def training_batches(
    inputs: Sequence[NDArray[Any]],
    y: NDArray[Any],
    *,
    batch_size: int,
    seed: int,
    first_epoch: int,
    epochs: int,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Batches (x, y) of the epochs from `first_epoch` up to `epochs` in a row, each sample once an epoch.

    Of several inputs, x is a tuple.
    """
    samples = len(y)
    bounds = _bounds(samples, batch_size, replicas)
    tensors = [tf.constant(x) for x in (*inputs, y)]

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(tf.range(samples), seed=key)
        return tf.data.Dataset.from_tensor_slices(bounds).map(lambda start, end: order[start:end])

    rows = tf.data.Dataset.range(first_epoch, epochs).flat_map(epoch)
    return rows.map(lambda i: _pair([tf.gather(tensor, i) for tensor in tensors])).prefetch(2)


def evaluation_batches(
    inputs: Sequence[NDArray[Any]], y: NDArray[Any], *, batch_size: int, replicas: int = 1
) -> tf.data.Dataset:
    """Batches (x, y) in the order given, each sample once."""
    tensors = [tf.constant(x) for x in (*inputs, y)]
    bounds = tf.data.Dataset.from_tensor_slices(_bounds(len(y), batch_size, replicas))
    batches = bounds.map(lambda start, end: _pair([tensor[start:end] for tensor in tensors]))
    return batches.cache().prefetch(2)  # to set up the map anew for every epoch takes longer than a small epoch


def _pair(tensors: Sequence[tf.Tensor]) -> tuple[Any, tf.Tensor]:
    *x, y = tensors
    return (x[0] if len(x) == 1 else tuple(x)), y


def _bounds(samples: int, batch_size: int, replicas: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Start and end of each batch: sizes differ little, and all but the last are multiples of the replicas."""
    steps = steps_per_epoch(samples, batch_size)
    edges = np.linspace(0, samples / replicas, steps + 1).round().astype(np.int64) * replicas
    edges[-1] = samples
    if np.diff(edges).min() < replicas:
        raise InputError(f"{samples} samples in {steps} batches leave one of {replicas} replicas without a sample")
    return edges[:-1], edges[1:]
