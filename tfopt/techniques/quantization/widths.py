"""The bits of each kernel: as few as were asked for, unless LiteRT has no way to compute with so few, or it is an end.

With integer activations a kernel of fewer bits than LiteRT computes with is unpacked in the graph (see
`tfopt.formats.tflite.narrow_weights`). The least bits were found by running every kind of layer with every width
(`benchmarks/few_bits.py widths`). The first and the last layer are what a model loses most by, and hold few weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import keras

from tfopt.config.choices import Precision
from tfopt.formats.tflite.narrow_weights import COMPUTES
from tfopt.graph.kernels import Kernel, find_kernels, unwrap
from tfopt.graph.layer_names import named_layers
from tfopt.techniques.rounding.levels import Levels, Place

DENSE, CONVOLUTION, DEPTHWISE, TRANSPOSE = "FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"
LEAST: Mapping[Precision, Mapping[str, int]] = {
    "int8": {DENSE: 2, CONVOLUTION: 2, DEPTHWISE: 2, TRANSPOSE: 2},
    "int16": {DENSE: 2, CONVOLUTION: 2, DEPTHWISE: 8, TRANSPOSE: 2},
    "dynamic": {DENSE: 2, CONVOLUTION: 2, DEPTHWISE: 8, TRANSPOSE: 8},
    "weights": {DENSE: 2, CONVOLUTION: 2, DEPTHWISE: 2, TRANSPOSE: 2},
}
STORED: Mapping[Levels, int] = {"int8": 8, "int4": 4, "int3": 4, "int2": 2}
WIDER: Mapping[int, Levels] = {2: "int2", 4: "int4", 8: "int8"}
CHEAP = 0.05  # of the bytes of all kernels, that an end may cost at 8 bits
KINDS = (  # of layers, with the operation that their kernels become
    ((keras.layers.Dense, keras.layers.EinsumDense, keras.layers.MultiHeadAttention), DENSE),
    (
        (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.SeparableConv1D, keras.layers.SeparableConv2D),
        CONVOLUTION,
    ),
    ((keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose), TRANSPOSE),
)
MIXED: tuple[Levels, ...] = ("int8", "int4", "int2")  # which a budget chooses from: 3 bits take as many bytes as 4


@dataclass(frozen=True)
class Widths:
    """The levels of each kernel that is rounded, and why a layer has more bits than were asked for.

    Within a budget `errors` are those at the output that each kernel would bring alone, by its levels.
    """

    levels: dict[Place, Levels] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    errors: Mapping[Place, Mapping[Levels, float]] = field(default_factory=dict)

    def of(self, name: str, kernel: Kernel) -> Levels | None:
        """Return the levels of a kernel; None if it is left to LiteRT Quantizer, which gives it 8 bits."""
        return self.levels.get((name, kernel.position))

    @property
    def few(self) -> set[str]:
        """The layers with kernels of fewer than 8 bits."""
        return {name for (name, _), levels in self.levels.items() if levels != "int8"}

    def without(self, names: set[str]) -> "Widths":
        """Return these with 8 bits for the kernels of some layers."""
        levels: dict[Place, Levels] = {
            place: "int8" if place[0] in names else own for place, own in self.levels.items()
        }
        return replace(self, levels=levels)


def plan_widths(
    model: keras.Model,
    levels: Levels,
    precision: Precision,
    *,
    keep_ends: bool,
    as_dense: Callable[[keras.Layer], bool] | None = None,
) -> Widths:
    """Decide how many bits each kernel of a model has.

    Args:
        model: The model, its normalizations folded.
        levels: What was asked for.
        precision: How activations are computed.
        keep_ends: Whether the first and the last layer may keep 8 bits.
        as_dense: Says which convolutions will become dense layers, if none has yet.
    """
    found = Widths()
    for name, layer in named_layers(model):
        for kernel in find_kernels(layer):
            kind = DENSE if as_dense and as_dense(layer) else operation_of(layer, kernel)
            if kind is None:
                found.why[name] = f"{type(layer).__name__}: LiteRT has no kernel of fewer bits for it"
                continue
            least = LEAST[precision][kind]
            wide = STORED[levels] < least
            found.levels[name, kernel.position] = WIDER[least] if wide else levels
            if wide:
                found.why[name] = f"LiteRT has no fewer bits for {kind} with {precision}"
    for name, why in _cheap_ends(model, found).items() if keep_ends else ():
        found.why[name] = why
        found.levels.update({place: "int8" for place in found.levels if place[0] == name})
    return found


def find_options(model: keras.Model, precision: Precision) -> dict[Place, list[Levels]]:
    """Find the levels that a budget can choose from for each kernel of a model.

    Args:
        model: The model, its normalizations folded.
        precision: How activations are computed.
    """
    return {
        (name, kernel.position): [levels for levels in MIXED if STORED[levels] >= LEAST[precision][kind]]
        for name, layer in named_layers(model)
        for kernel in find_kernels(layer)
        if (kind := operation_of(layer, kernel))
    }


def _cheap_ends(model: keras.Model, found: Widths) -> dict[str, str]:
    """The first and the last layer, where 8 bits cost little."""
    sizes = {place: size for place, size in kernel_sizes(model).items() if place in found.levels}
    total = sum(size * STORED[found.levels[place]] for place, size in sizes.items())
    names = list(dict.fromkeys(name for name, _ in sizes))
    ends = {}
    for name, why in ((names[0], "first layer"), (names[-1], "last layer")) if len(names) > 2 else ():
        more = sum(size * (8 - STORED[found.levels[place]]) for place, size in sizes.items() if place[0] == name)
        if 0 < more < CHEAP * total:
            ends[name] = why
    return ends


def is_unpacked(precision: Precision, kind: str, levels: Levels) -> bool:
    """Say whether an operation of LiteRT cannot compute with weights of these levels, which so become 8 bits first."""
    bits = STORED[levels]
    return precision in ("int8", "int16") and bits < STORED["int8"] and kind not in COMPUTES[bits]


def kernel_sizes(model: keras.Model) -> dict[Place, int]:
    """Return the number of weights of each kernel."""
    return {
        (name, kernel.position): prod(layer.weights[kernel.position].shape)
        for name, layer in named_layers(model)
        for kernel in find_kernels(layer)
    }


def operation_of(layer: keras.Layer, kernel: Kernel) -> str | None:
    """Return the operation of LiteRT that a kernel belongs to; None if none with few bits is known."""
    inner = unwrap(layer)
    if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)):
        return None
    if kernel.depthwise:
        return DEPTHWISE
    return next((operation for kinds, operation in KINDS if type(inner) in kinds), None)
