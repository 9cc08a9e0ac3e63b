"""Activations that look at each channel by itself; others, as softmax does, need all of them to stay."""

from typing import Any

import keras

from tfopt.graph.channels.ledger import CannotFollow

NAMES = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "sigmoid", "tanh", "softplus",
    "softsign", "exponential", "mish", "log_sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink",
    "soft_shrink", "tanh_shrink", "threshold", "squareplus", "sparse_plus",
)  # fmt: skip
POINTWISE = {getattr(keras.activations, name) for name in NAMES}
LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)


def check(*activations: Any) -> None:
    """Raise `CannotFollow` if one of them is not known to look at each number by itself."""
    for activation in activations:
        if activation not in POINTWISE and type(activation) not in LAYERS:
            name = getattr(activation, "__name__", type(activation).__name__)
            raise CannotFollow(f"its activation, {name}, looks at all channels at once")
