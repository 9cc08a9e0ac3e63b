"""Which samples of a batch each replica gets: consecutive parts of nearly equal size, each sample in one of them.

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
    """The replicas that a pipeline of batches is for: `local` ones from `first` on, `of` all."""

    first: int = 0
    local: int = 1
    of: int = 1


ALL_REPLICAS = Shard()


class Parts(NamedTuple):
    """The parts of the batches of an epoch in the order a pipeline makes them; all of shape (steps * local,).

    `number` counts the parts of all replicas, `start` and `end` are positions among the samples of the epoch, and
    `weight` is how much the loss of each sample counts.
    """

    number: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    weight: NDArray[np.float32]


def split_batches(samples: int, steps: int, shard: Shard) -> Parts:
    """Divide `samples` into `steps` batches of nearly equal size, and these among all replicas.

    Raises `InputError` if a replica would be left without a sample: normalizations would then yield NaN.
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
    """The batches that `make` gives for a shard, for the replicas of the strategy in whose scope this is."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return make(ALL_REPLICAS)

    def shard(context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = replicas // context.num_input_pipelines
        return make(Shard(context.input_pipeline_id * local, local, replicas))

    return strategy.distribute_datasets_from_function(shard)
