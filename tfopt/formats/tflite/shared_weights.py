"""Values that all channels of a kernel share are the same integers in all of them, if the channels have one scale.

Weights have a scale for each output channel, so that a value which several channels share would be another integer in
each: tables and compilers that pack weights, as Vela, would find nothing to share. All weights of a value err alike by
rounding it, which adds up; so the scale is the one by which the few values are nearest to integers.
"""

import numpy as np

from tfopt.formats.tflite.stored_weights import Stored, StoredWeights
from tfopt.typing import Array

MOST_VALUES = 128  # half of the integers of 8 bits
STEPS = np.linspace(100, 127, 1000)  # in which the largest weight may be stored


def kernels_that_share(payload: bytes, source: bytes) -> list[str]:
    """Return the names of the kernels of a quantized file that share values among their channels as integers, too.

    Arguments are those of `with_shared_scales`.
    """
    floats = StoredWeights(source).floats()
    stored = {name: one for name, one in StoredWeights(payload).read().items() if name in floats}
    return [name for name, one in stored.items() if has_one_scale(one) and are_shared(one.matrix(floats[name]))]


def with_shared_scales(payload: bytes, source: bytes) -> bytes:
    """Return a quantized file in which kernels that share values among their channels have one scale.

    Args:
        payload: The quantized file, with the names of its tensors.
        source: The float file that it was made from.
    """
    file, floats = StoredWeights(payload), StoredWeights(source).floats()
    chosen: dict[str, tuple[Array, Array]] = {}
    for name, stored in file.read().items():
        values = floats.get(name)
        if values is not None and stored.bits == 8 and are_shared(stored.matrix(values)) and not has_one_scale(stored):
            scale = fitting_scale(values)
            chosen[name] = np.round(values / scale).astype(np.int8), np.full_like(stored.scale, scale)
    if not chosen:
        return payload
    file.replace(chosen, floats)
    return file.payload


def fitting_scale(kernel: Array) -> float:
    """Return the scale by which weights that share few values are rounded with the least squared error.

    >>> round(1 / fitting_scale(np.array([1.0, 1.0, 0.5])), 1) % 2
    0.0
    """
    values, counts = np.unique(kernel, return_counts=True)
    scales = np.abs(values).max() / STEPS[:, np.newaxis]
    errors = (counts * (np.round(values / scales) * scales - values) ** 2).sum(axis=1)
    return float(scales[errors.argmin(), 0])


def are_shared(kernel: Array) -> bool:
    """Return whether the channels of a kernel (K, C) are made of the same few values.

    >>> are_shared(np.array([[1.0, 2], [2, 1], [2, 2]])), are_shared(np.array([[1.0, 3], [-1, -3], [1, -3]]))
    (True, False)
    """
    count = len(np.unique(kernel))
    if count > min(MOST_VALUES, kernel.size // 2) or not kernel.any():
        return False
    return 2 * max(len(np.unique(channel)) for channel in kernel.T) > count


def has_one_scale(stored: Stored) -> bool:
    """Return whether all channels of a kernel have the same scale."""
    return bool((stored.scale == stored.scale[0]).all())
