"""How many bits a weight takes if nothing but the weights were stored: what a file is measured against."""

from collections.abc import Mapping
from math import log2, prod
from typing import NamedTuple

import keras

from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.techniques.binarization.rounding import Levels

FLOAT = 32
IDEAL: dict[Levels, float] = {"binary": 1.0, "ternary": log2(3), "int8": 8.0}


class Bits(NamedTuple):
    """Number of weights, of those that are binarized, and the least bits of all, with a scale for each channel."""

    weights: int
    binarized: int
    least: float


def bits_of(model: keras.Model, levels: Mapping[str, Levels]) -> Bits:
    """Count the weights of `model` whose layers have the kernels in `levels`; what is no such kernel has 32 bits."""
    weights = binarized = 0
    least = 0.0
    for name, layer in named_layers(model):
        own = {kernel.position: kernel for kernel in find_kernels(layer)} if name in levels else {}
        for position, weight in enumerate(layer.weights):
            size = prod(weight.shape)
            weights += size
            if position not in own:
                least += FLOAT * size
                continue
            values = "int8" if own[position].depthwise else levels[name]
            least += IDEAL[values] * size + FLOAT * prod(weight.shape[axis] for axis in own[position].axes)
            binarized += size if values != "int8" else 0
    return Bits(weights, binarized, least)
