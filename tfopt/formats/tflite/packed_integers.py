"""Integers of 4 and 2 bits share a byte in a `.tflite` file, the first in its lowest bits."""

import numpy as np
from numpy.typing import NDArray


def pack_integers(integers: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    """Put several integers of any shape into a byte; of the last byte the rest is 0.

    >>> [f"{byte:08b}" for byte in pack_integers(np.array([1, -1, 7], np.int8), bits=4)]
    ['11110001', '00000111']
    """
    flat = integers.astype(np.int8).ravel().view(np.uint8)
    each = 8 // bits
    parts = np.pad(flat, (0, -len(flat) % each)).reshape(-1, each) & (2**bits - 1)
    return np.asarray(np.bitwise_or.reduce(parts << np.arange(0, 8, bits, dtype=np.uint8), axis=1), np.uint8)


def unpack_integers(data: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.int8]:
    """Undo `pack_integers` for so many integers.

    >>> unpack_integers(np.array([0b11110001, 0b00000111], np.uint8), bits=4, count=3).tolist()
    [1, -1, 7]
    """
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    top = (data[:, np.newaxis] << shifts).astype(np.uint8).view(np.int8)  # the sign bit to where a byte has its own
    return (top >> (8 - bits)).ravel()[:count]
