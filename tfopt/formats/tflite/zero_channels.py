"""Output channels whose weights are all zero keep their bias, for which LiteRT Quantizer leaves no room.

A bias is stored in steps of the scale of the input times that of the weights. A channel of zeros gets a scale near
1e-12, by which no bias fits into 32 bits: it becomes next to zero. Zeros are zeros by any scale, so that these channels
can have one by which their bias is a whole number that fits well; with a far larger one XNNPACK refuses the operation,
whose answers would have fewer steps than a sum has (a ratio of scales of 256 and more).
"""

import numpy as np

from tfopt.formats.tflite.stored_weights import StoredWeights
from tfopt.typing import Array

MOST_STEPS = 2**24  # that a bias is stored in


def mend_zero_channels(payload: bytes, source: bytes) -> bytes:
    """Return a quantized file in which channels of zeros have a scale that fits the bias of the float file.

    Args:
        payload: The quantized file, with the names of its tensors.
        source: The float file that it was made from.
    """
    file, floats = StoredWeights(payload), StoredWeights(source).floats()
    stored = file.read()
    scales: dict[str, tuple[Array, Array]] = {}
    for weights, bias, scale_of_input in file.biased():
        if weights in stored and bias in floats:
            found = stored[weights]
            least = np.abs(floats[bias]).max(initial=0) / (MOST_STEPS * scale_of_input)
            is_zero = np.logical_not(found.matrix(found.chosen).any(axis=0))
            scale = fitting(found.scale, is_zero, least)
            if (scale > found.scale).any():
                scales[weights] = found.chosen, scale
    if not scales:
        return payload
    file.replace(scales, floats)
    return file.payload


def fitting(scale: Array, is_zero: Array, least: float) -> Array:
    """Return scales (C,) of channels of which those of zeros have no less than `least`.

    >>> fitting(np.array([0.25, 1e-12]), np.array([False, True]), least=0.5).tolist()
    [0.25, 0.5]
    """
    shared = bool((scale == scale[0]).all()) and not is_zero.all()
    return scale if shared else np.where(is_zero, np.maximum(scale, least), scale).astype(scale.dtype)
