"""Which GPUs the workers on one machine have: each as many as the others, none shared."""

import os

import tensorflow as tf

from tfopt.errors import InputError


def visible_gpus(count: int) -> list[str | None]:
    """Return `CUDA_VISIBLE_DEVICES` for each of `count` workers; None leaves it as it is, where there are no GPUs."""
    found = len(tf.config.list_physical_devices("GPU"))
    if not found:
        return [None] * count
    if found < count:
        raise InputError(f"--workers {count} on this machine needs a GPU for each, and {found} can be seen")
    own = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = own.split(",") if own else [str(number) for number in range(found)]
    share = found // count
    return [",".join(names[worker * share : (worker + 1) * share]) for worker in range(count)]
