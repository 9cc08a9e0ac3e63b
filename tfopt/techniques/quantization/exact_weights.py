"""The integers in a file are those that were chosen: LiteRT Quantizer would choose them anew by the largest weight.

A kernel that was rounded lies on a grid, whose integers and scales are found again in the float file and put in place
of the quantizer's. What a file holds in the end is compared with the float file.
"""

from collections.abc import Mapping

import numpy as np

from tfopt.formats.tflite.narrow_weights import Grid, narrow_weights
from tfopt.formats.tflite.stored_weights import Stored, StoredWeights
from tfopt.techniques.quantization.widths import STORED
from tfopt.techniques.rounding.grids import find_grid
from tfopt.techniques.rounding.levels import LIMITS, Levels
from tfopt.typing import Array

LEVELS: Mapping[int, Levels] = {8: "int8", 4: "int4", 2: "int2"}
EXACT = 1e-6  # of the largest weight of a channel


def with_exact_weights(payload: bytes, source: bytes) -> tuple[bytes, dict[str, bool]]:
    """Store the weights of a file exactly where they lie on a grid.

    Args:
        payload: The quantized file.
        source: The float file that it was made from.

    Returns:
        The file, and for each of its weights with a name in both whether it stands for the same numbers.
    """
    floats, file = StoredWeights(source).floats(), StoredWeights(payload)
    stored = {name: each for name, each in file.read().items() if name in floats}
    grids = {name: _on_grid(each, floats[name]) for name, each in stored.items()}
    file.replace({name: grid for name, grid in grids.items() if grid}, floats)
    result = file.payload
    held = StoredWeights(result).read()
    return result, {name: _is_exact(held[name], floats[name]) for name in stored}


def stored_narrow(payload: bytes, wanted: Mapping[str, Levels]) -> bytes:
    """Store weights of 8 bits in fewer, from which the graph unpacks them, if their integers are small enough.

    Args:
        payload: The quantized file.
        wanted: The levels of weights by the names of their tensors.
    """
    held = StoredWeights(payload).read() if wanted else {}
    grids = {
        name: Grid(STORED[levels], held[name].scale)
        for name, levels in wanted.items()
        if name in held and held[name].bits == STORED["int8"] and _are_within(held[name], levels)
    }
    return narrow_weights(payload, grids) if grids else payload


def _are_within(stored: Stored, levels: Levels) -> bool:
    low, high = LIMITS[levels]
    return bool(low <= stored.chosen.min() and stored.chosen.max() <= high)


def _on_grid(stored: Stored, values: Array) -> tuple[Array, Array] | None:
    """The integers and scales that the float values are the product of, if they are."""
    grid = find_grid(stored.matrix(values), LEVELS[stored.bits])
    if grid is None:
        return None
    scale = np.where(grid.scale > 0, grid.scale, stored.scale)  # a channel of zeros has its bias in steps of something
    return stored.of_matrix(grid.chosen), scale.astype(np.float32)


def _is_exact(stored: Stored, values: Array) -> bool:
    missing = np.abs(stored.matrix(stored.values - values)).max(axis=0)
    return bool((missing <= EXACT * np.abs(stored.matrix(values)).max(axis=0)).all())
