"""Integers in a file stand for real numbers, by the scale and zero point of each tensor.

Jacob et al. 2018, arXiv:1712.05877, eq. 1.
"""

from typing import Any, TypeAlias

import numpy as np

from tfopt.typing import Array

Detail: TypeAlias = dict[str, Any]  # what the interpreter says of a tensor: its name, shape, type, quantization


def quantize_values(x: Array, detail: Detail) -> Array:
    """Convert real values to a tensor's own type: q = round(x / scale) + zero_point, clipped to the range of the type.

    Args:
        x: Real values.
        detail: What the interpreter says of the tensor.

    Example:
        >>> detail = {"dtype": np.int8, "quantization": (0.5, 10)}
        >>> quantize_values(np.array([0.0, 1.0, 1000.0]), detail).tolist()
        [10, 12, 127]
    """
    dtype = np.dtype(detail["dtype"])
    scale, zero_point = detail["quantization"]
    if dtype.kind not in "iu" or scale == 0:
        return x.astype(dtype)
    limits: np.iinfo[Any] = np.iinfo(dtype)
    clipped: Array = np.clip(np.round(x / scale) + zero_point, limits.min, limits.max)
    return clipped.astype(dtype)


def dequantize_values(q: Array, detail: Detail) -> Array:
    """Convert values of a tensor's own type to real ones: x = scale * (q - zero_point).

    Args:
        q: Values as the tensor holds them.
        detail: What the interpreter says of the tensor.

    Example:
        >>> detail = {"dtype": np.int8, "quantization": (0.5, 10)}
        >>> dequantize_values(np.array([10, 12, 127], np.int8), detail).tolist()
        [0.0, 1.0, 58.5]
    """
    scale, zero_point = detail["quantization"]
    if np.dtype(detail["dtype"]).kind not in "iu" or scale == 0:
        return q.astype(np.float32)
    real: Array = scale * (q.astype(np.float32) - zero_point)
    return real.astype(np.float32)
