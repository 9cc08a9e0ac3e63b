"""Sharding gives each replica its samples of a batch: consecutive parts of nearly equal size, each sample in one.

Batches are the same for any number of replicas, so that training on many of them can be compared with one, and a run
goes on after a stop with more or fewer. Parts that differ in size are weighed: the mean over the replicas of the mean
loss of n_i samples is the mean over all n samples if each loss of replica i counts n_i R / n times (R replicas).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.errors import InputError


class Shard(NamedTuple):
    """The replicas that a pipeline of batches is for.

    Attributes:
        first: The number of the first of them.
        local: How many there are.
        of: The number of all replicas, those of other pipelines included.
    """

    first: int = 0
    local: int = 1
    of: int = 1


ALL_REPLICAS = Shard()


class Parts(NamedTuple):
    """The parts of the batches of an epoch in the order a pipeline makes them; all arrays are (steps * local,).

    Attributes:
        number: The number of each part, among those of all replicas.
        start: The position of its first sample among the samples of the epoch.
        end: The position after its last sample.
        weight: How much the loss of each of its samples counts.
    """

    number: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    weight: NDArray[np.float32]


def split_batches(samples: int, steps: int, shard: Shard) -> Parts:
    """Divide samples into batches of nearly equal size, and these among all replicas.

    Args:
        samples: The number of samples in an epoch.
        steps: The number of batches.
        shard: The replicas whose parts are returned.

    Raises:
        InputError: A replica would be left without a sample: normalizations would then yield NaN.

    Example:
        >>> parts = split_batches(5, 1, Shard(local=2, of=2))
        >>> parts.start.tolist(), parts.end.tolist(), parts.weight.round(1).tolist()
        ([0, 2], [2, 5], [0.800000011920929, 1.2000000476837158])
    """
    edges = np.linspace(0, samples, steps + 1).round().astype(np.int64)
    sizes = np.diff(edges)
    if sizes.min() < shard.of:
        raise InputError(f"{samples} samples in {steps} batches leave one of {shard.of} replicas without a sample")
    replicas = np.arange(shard.first, shard.first + shard.local)
    start = edges[:-1, np.newaxis] + sizes[:, np.newaxis] * replicas // shard.of
    end = edges[:-1, np.newaxis] + sizes[:, np.newaxis] * (replicas + 1) // shard.of
    weight = (end - start) * shard.of / sizes[:, np.newaxis]
    number = np.arange(steps)[:, np.newaxis] * shard.of + replicas
    return Parts(number.ravel(), start.ravel(), end.ravel(), weight.astype(np.float32).ravel())


def distribute_batches(make: Callable[[Shard], tf.data.Dataset]) -> tf.distribute.DistributedDataset:
    """Make batches, with a function of a shard, for the replicas of the strategy in whose scope this is called."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return make(ALL_REPLICAS)

    def shard(context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = replicas // context.num_input_pipelines
        return make(Shard(context.input_pipeline_id * local, local, replicas))

    return strategy.distribute_datasets_from_function(shard)
