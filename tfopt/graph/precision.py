"""Mixed precision (Micikevicius et al. 2018, arXiv:1710.03740) is for training; inference begins in float32."""

import contextlib
from typing import Any

import keras
import numpy as np

from tfopt.graph.layer_names import named_layers

HALF = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def half_precision(model: keras.Model) -> list[str]:
    """Return the policies of the layers of `model` that compute in half precision, each once."""
    found = {layer.dtype_policy.name for _, layer in named_layers(model)} | {model.dtype_policy.name}
    return sorted(found & {*HALF})


def in_float32(model: keras.Model) -> keras.Model:
    """Return a copy of `model` with the same weights, compiled alike, all layers of which compute in float32."""
    copy = type(model).from_config(_in_float32(model.get_config()))
    copy.set_weights([np.asarray(weight, np.float32) for weight in model.get_weights()])
    if model.compiled:
        with contextlib.suppress(ValueError, TypeError):  # code that Keras does not load again, as a lambda
            copy.compile_from_config(model.get_compile_config())
    return copy


def _in_float32(config: Any) -> Any:
    """Return the configuration of a model or layer, which holds whatever its class has put there."""
    if isinstance(config, dict):
        own = {key: _in_float32(value) for key, value in config.items()}
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"] in HALF:
            return own | {"config": {"name": "float32"}}
        return own | {"dtype": "float32"} if config.get("dtype") in HALF else own
    return type(config)(map(_in_float32, config)) if isinstance(config, (list, tuple)) else config
