"""What an all-reduce costs, and what it leaves of the speed of many workers: a model of step times, without TensorFlow.

A ring all-reduce is bandwidth-optimal (Patarasuk & Yuan 2009): n workers pass their arrays around in n parts, n - 1
times to sum them and n - 1 times to hand out the sums. Each worker so sends 2 (n - 1) / n times the bytes, however many
workers there are, but waits 2 (n - 1) times for a neighbour. Small messages cost that latency and little else (the
alpha-beta model in Thakur, Rabenseifner & Gropp 2005, "Optimization of Collective Communication Operations in MPICH").

Nothing is hidden here: communication begins when the gradients are there, all workers are equally fast, and data wait
for them. A step that overlaps both is faster, one with a straggler is slower.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np


class Link(NamedTuple):
    """What connects two neighbours: seconds until a message is there, and bytes per second from then on."""

    latency: float
    bandwidth: float

    @classmethod
    def through(cls, sizes: Sequence[float], seconds: Sequence[float], workers: int) -> Self:
        """The link on which all-reduces of so many bytes take so many seconds, with the least relative error."""
        turns = 2 * (workers - 1)
        columns = np.stack([np.full(len(sizes), turns), turns / workers * np.asarray(sizes, float)], axis=1)
        weighed = columns / np.asarray(seconds)[:, np.newaxis]
        latency, slowness = np.linalg.lstsq(weighed, np.ones(len(sizes)))[0]
        return cls(float(latency), float(1 / slowness))


class Compute(NamedTuple):
    """What a worker needs for a step of its own: so many seconds for any, and so many more for each of its samples."""

    fixed: float
    sample: float

    @classmethod
    def through(cls, batches: tuple[int, int], seconds: tuple[float, float]) -> Self:
        """The one that needs so many seconds for steps of two sizes."""
        sample = (seconds[1] - seconds[0]) / (batches[1] - batches[0])
        return cls(seconds[0] - sample * batches[0], sample)

    def seconds(self, batch: float) -> float:
        """How long a step of so many samples takes."""
        return self.fixed + self.sample * batch


def all_reduce_seconds(size: float, workers: int, link: Link, messages: int = 1) -> float:
    """Seconds until `size` bytes, in so many messages one after the other, are summed over all workers."""
    turns = 2 * (workers - 1)
    return messages * turns * link.latency + turns / workers * size / link.bandwidth


def step_seconds(compute: Compute, batch: int, size: float, workers: int, link: Link, messages: int = 1) -> float:
    """Seconds of a training step of `batch` samples of all workers, whose gradients have `size` bytes."""
    return compute.seconds(batch / workers) + all_reduce_seconds(size, workers, link, messages)


def speedup(compute: Compute, batch: int, size: float, workers: int, link: Link, messages: int = 1) -> float:
    """How many times as fast as one worker so many train with the same global `batch` (strong scaling)."""
    return compute.seconds(batch) / step_seconds(compute, batch, size, workers, link, messages)


def efficiency(compute: Compute, each: int, size: float, workers: int, link: Link, messages: int = 1) -> float:
    """Samples per second of a worker as a share of one alone, `each` with so many in a step (weak scaling)."""
    return compute.seconds(each) / step_seconds(compute, each * workers, size, workers, link, messages)
