"""Output channels whose weights are all zero keep their bias, for which LiteRT Quantizer leaves no room.

A bias is stored in steps of the scale of the input times that of the weights. A channel of zeros gets a scale near
1e-12, by which no bias fits into 32 bits: it becomes next to zero. Zeros are zeros by any scale, so that these channels
can have that of the others.
"""

import numpy as np

from tfopt.formats.tflite.stored_weights import Stored, StoredWeights
from tfopt.typing import Array

TOO_SMALL = 1e-9  # for a scale that weights have
ALONE = 1 / 127  # the scale of a kernel that has nothing but zeros


def mend_zero_channels(payload: bytes, source: bytes) -> bytes:
    """Return a quantized file in which channels of zeros have a scale, and the bias of the float file.

    Args:
        payload: The quantized file, with the names of its tensors.
        source: The float file that it was made from.
    """
    file = StoredWeights(payload)
    scales = {name: (stored.chosen, _scales(stored)) for name, stored in file.read().items() if _has_zeros(stored)}
    if not scales:
        return payload
    file.replace(scales, StoredWeights(source).floats())
    return file.payload


def _is_zero(stored: Stored) -> Array:
    return np.asarray(~stored.matrix(stored.chosen).any(axis=0) & (stored.scale < TOO_SMALL))


def _has_zeros(stored: Stored) -> bool:
    return bool(_is_zero(stored).any())


def _scales(stored: Stored) -> Array:
    zero = _is_zero(stored)
    usual = ALONE if zero.all() else stored.scale[~zero].max()
    return np.where(zero, usual, stored.scale).astype(np.float32)
