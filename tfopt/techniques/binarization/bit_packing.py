"""Codes of weights as bytes: eight signs, five ternary digits (3^5 = 243 < 256) or one 8-bit integer a byte."""

import numpy as np
from numpy.typing import NDArray

from tfopt.techniques.rounding.levels import Levels

DIGITS = 5
POWERS = 3 ** np.arange(DIGITS)


def pack(codes: NDArray[np.int8], levels: Levels) -> NDArray[np.uint8]:
    """Bytes (B,) of codes of any shape: -1 and 1 if binary, -1, 0 and 1 if ternary, -127 to 127 if int8."""
    flat = codes.ravel()
    match levels:
        case "binary":
            return np.packbits(flat > 0)
        case "ternary":
            digits = np.pad(flat + 1, (0, -len(flat) % DIGITS)).reshape(-1, DIGITS)
            return np.asarray((digits * POWERS).sum(axis=1), np.uint8)
        case _:
            return flat.view(np.uint8)


def unpack(packed: NDArray[np.uint8], shape: tuple[int, ...], levels: Levels) -> NDArray[np.int8]:
    """Undo `pack`; raise `ValueError` if there are not as many bytes as codes of this shape take."""
    size = int(np.prod(shape))
    if packed.shape != (packed_size(size, levels),):
        raise ValueError(f"{packed.size} bytes do not hold {size} {levels} weights")
    match levels:
        case "binary":
            return (np.unpackbits(packed, count=size).astype(np.int8) * 2 - 1).reshape(shape)
        case "ternary":
            digits = packed[:, np.newaxis] // POWERS % 3
            return (digits.ravel()[:size].astype(np.int8) - 1).reshape(shape)
        case _:
            return packed.view(np.int8).reshape(shape)


def packed_size(size: int, levels: Levels) -> int:
    """Bytes that so many codes take."""
    return -(-size // {"binary": 8, "ternary": DIGITS}.get(levels, 1))
