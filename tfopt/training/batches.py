"""Batches whose order depends on the seed and the epoch only, so that a resumed run sees what it would have seen.

The samples of an epoch are spread evenly over its batches instead of leaving a small last one: with several replicas a
last batch smaller than their number leaves one replica without samples, and batch normalization then yields NaN.
"""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.data.images import Images
from tfopt.errors import InputError
from tfopt.training.augmenting import Augment

AUGMENTATIONS = 8  # keys that a step may use, at most


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
    augment: Augment | None = None,
    weights: NDArray[Any] | None = None,
) -> tf.data.Dataset:
    """Batches (x, y) of the epochs from `first_epoch` up to `epochs` in a row, each sample once an epoch.

    Of several inputs, x is a tuple. With `weights` (N,) batches are (x, y, weights); `augment` changes x and y.
    """
    samples = len(y)
    bounds = _bounds(samples, batch_size, replicas)
    columns = [_column(x) for x in (*inputs, y)]
    weighed = [] if weights is None else [tf.constant(weights)]

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(tf.range(samples), seed=key)
        steps = tf.data.Dataset.from_tensor_slices(bounds).enumerate(number * len(bounds[0]))
        return steps.map(lambda step, edges: (order[edges[0] : edges[1]], step))

    def batch(rows: tf.Tensor, step: tf.Tensor) -> tuple[Any, ...]:
        x: Sequence[tf.Tensor]
        *x, targets = (column(rows) for column in columns)
        if augment:
            x, targets = augment(x, targets, tf.stack([tf.constant(seed, tf.int64), step * AUGMENTATIONS]))
        return (*_pair([*x, targets]), *(tf.gather(weight, rows) for weight in weighed))

    rows = tf.data.Dataset.range(first_epoch, epochs).flat_map(epoch)
    return rows.map(batch, num_parallel_calls=tf.data.AUTOTUNE if augment else _at_once(inputs)).prefetch(2)


def evaluation_batches(
    inputs: Sequence[NDArray[Any]], y: NDArray[Any], *, batch_size: int, replicas: int = 1
) -> tf.data.Dataset:
    """Batches (x, y) in the order given, each sample once."""
    columns = [_column(x) for x in (*inputs, y)]
    bounds = tf.data.Dataset.from_tensor_slices(_bounds(len(y), batch_size, replicas))
    batches = bounds.map(
        lambda start, end: _pair([column(tf.range(start, end)) for column in columns]), _at_once(inputs)
    )
    if not _at_once(inputs):
        batches = batches.cache()  # to set up the map anew for every epoch takes longer than a small epoch
    return batches.prefetch(2)


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


def _column(x: NDArray[Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    """What gives the samples of a tensor of rows: taken from memory, or decoded from the files of images."""
    if isinstance(x, Images):
        paths = tf.constant(x.paths, tf.string)
        return lambda rows: x.tensor(tf.gather(paths, rows))
    values = tf.constant(x)
    return lambda rows: tf.gather(values, rows)


def _at_once(inputs: Sequence[NDArray[Any]]) -> int | None:
    """How many batches are made at the same time: several where files are decoded, else one after the other."""
    return tf.data.AUTOTUNE if any(isinstance(x, Images) for x in inputs) else None
