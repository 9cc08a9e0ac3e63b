"""The bits that the weights of each layer get: as many as asked for, more where few weights matter much.

The first and the last layer, and depthwise kernels, suffer most from few bits and mostly hold few weights: they get 8
bits unless that costs more than a share of the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import keras

from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.techniques.qat.config import MOST_BITS, QatConfig

CHEAP = 0.05  # of the weights of all kernels


@dataclass
class BitWidths:
    """The bits of the weights of each layer by its name, why some have 8, and why others are not trained for few.

    Attributes:
        bits: The bits of a weight.
        why: Why a layer has more than was asked for.
        skipped: Why a layer with weights has no bits.
    """

    bits: dict[str, int] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def choose_bit_widths(model: keras.Model, config: QatConfig, title: str) -> BitWidths:
    """Choose the bits of the weights of each layer of a model.

    Args:
        model: The model.
        config: What was asked for, of all layers or of some.
        title: The name of the model in messages.

    Raises:
        InputError: If the config names a layer that is not there or has no kernel.
        UnsupportedError: If there is no kernel.
    """
    names = first_names(model)
    own = [(name, layer) for name, layer in named_layers(model) if layer.weights and names[id(layer)] == name]
    sizes = {name: size for name, layer in own if (size := _size(layer))}
    if not sizes:
        raise UnsupportedError(f"{title} has no kernel to train for few bits")
    asked: Mapping[str, int] = config.layer_bits or {}
    _check_names(asked, sizes, title)
    chosen = BitWidths()
    for name, layer in own:
        if name not in sizes:
            held = ", ".join(weight.name for weight in layer.weights)
            chosen.skipped[name] = f"no kernel among its weights ({held})"
            continue
        reason = (
            _reason(name, layer, list(sizes)) if config.keep_first_last and config.weight_bits < MOST_BITS else None
        )
        if name in asked:
            chosen.bits[name] = asked[name]
        elif reason and sizes[name] <= CHEAP * sum(sizes.values()):
            chosen.bits[name], chosen.why[name] = MOST_BITS, reason
        else:
            chosen.bits[name] = config.weight_bits
    return chosen


def _size(layer: keras.Layer) -> int:
    return sum(prod(layer.weights[kernel.position].shape) for kernel in find_kernels(layer))


def _reason(name: str, layer: keras.Layer, with_kernels: Sequence[str]) -> str | None:
    """Return why a layer is better kept at 8 bits."""
    if name in (with_kernels[0], with_kernels[-1]):
        return "first layer" if name == with_kernels[0] else "last layer"
    if all(kernel.depthwise for kernel in find_kernels(layer)):
        return "depthwise: few weights, each of which matters"
    return None


def _check_names(asked: Mapping[str, int], sizes: Mapping[str, int], title: str) -> None:
    unknown = [name for name in asked if name not in sizes]
    if unknown:
        raise InputError(
            f"`layer_bits` names {', '.join(unknown)}, but {title} has no such layer with a kernel: there are"
            f" {', '.join(sizes)}"
        )
