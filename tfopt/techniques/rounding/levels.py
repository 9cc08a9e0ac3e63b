"""Levels are the integers that a weight may be; times a scale for each output channel they are its values.

Binary weights are a sign, ternary ones a sign or zero (Li et al. 2016, arXiv:1605.04711), others have 2 to 8 bits. The
range of 8 and 4 bits is as wide on both sides, as LiteRT has it: what a channel loses with -128 is next to nothing.

Everything here works on kernels as matrices (..., K, C), input weights by output channels; several come in a stack, as
those of a depthwise convolution, which has a small one for each channel.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tfopt.typing import Array

Place: TypeAlias = tuple[str, int]
"""A kernel: the name of its layer, and its position among the layer's weights."""
Levels = Literal["binary", "ternary", "int2", "int3", "int4", "int8"]
LIMITS: dict[Levels, tuple[int, int]] = {
    "binary": (-1, 1),
    "ternary": (-1, 1),
    "int2": (-2, 1),
    "int3": (-4, 3),
    "int4": (-8, 7),
    "int8": (-127, 127),
}
BITS: dict[Levels, float] = {"binary": 1, "ternary": float(np.log2(3)), "int2": 2, "int3": 3, "int4": 4, "int8": 8}


def codes(kernel: Array, scale: Array, levels: Levels) -> NDArray[np.int8]:
    """Round to the integers (..., K, C) whose products with the scale (..., C) are nearest to a kernel.

    >>> codes(np.array([[1.0], [-2.2], [30.0]]), np.array([2.0]), "int4").tolist()
    [[0], [-1], [7]]
    """
    if levels == "binary":
        return np.where(kernel < 0, -1, 1).astype(np.int8)
    wide = np.broadcast_to(scale[..., np.newaxis, :], kernel.shape)
    ratio = np.divide(kernel, wide, out=np.zeros_like(kernel), where=wide > 0)
    low, high = LIMITS[levels]
    return np.asarray(np.clip(np.round(ratio), low, high), np.int8)


def values(chosen: NDArray[np.int8], scale: Array) -> Array:
    """Multiply integers (..., K, C) with the scale (..., C) of their channel."""
    return chosen * scale[..., np.newaxis, :]
