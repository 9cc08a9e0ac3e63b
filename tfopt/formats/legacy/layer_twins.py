"""The twin of a Keras 3 layer is a layer of tf_keras that does the same, made from its config.

Both libraries share most layers and most option names. Where they differ the option is translated, left out because it
does not change the result (initializers: weights are copied), or there is no twin.
"""

import inspect
from types import ModuleType
from typing import Any

import keras
import tf_keras

from tfopt.typing import Json, Options

IGNORED = {"seed", "use_cudnn", "autocast", "quantization_config", "lora_rank", "lora_alpha", "flash_attention"}
IGNORED_ENDINGS = ("_initializer",)
SAME_ACTIVATIONS = {
    "linear",
    "relu",
    "sigmoid",
    "tanh",
    "softmax",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "exponential",
    "gelu",
    "mish",
}
RENAMED_ACTIVATIONS = {"silu": "swish"}
RENAMED_OPTIONS = {"LeakyReLU": {"negative_slope": "alpha"}}
WRAPPED = {"layer", "backward_layer", "cell"}


class NoTwinError(Exception):
    """There is no layer of tf_keras that does the same; the message says why."""


def make_twins(layer: keras.Layer, name: str) -> tuple[tf_keras.layers.Layer, ...]:
    """Make new, unbuilt layers of tf_keras, which called in a row do what a Keras 3 layer does.

    It is one layer but for SeparableConv2D, which becomes its two convolutions: quantization treats them apart.

    Args:
        layer: A layer of Keras 3.
        name: The name of its twin.

    Raises:
        NoTwinError: No layer of tf_keras does the same.
    """
    if type(layer) is keras.layers.SeparableConv2D:
        return _split_separable(layer, name)
    return (_make_twin(layer, name),)


def _make_twin(layer: keras.Layer, name: str) -> tf_keras.layers.Layer:
    kind = type(layer).__name__
    if isinstance(layer, keras.Model) or not isinstance(layer, keras.Layer):
        raise NoTwinError(f"{kind} is an operation or a model, not a layer")
    if getattr(keras.layers, kind, None) is not type(layer):
        raise NoTwinError(f"{kind} is no layer of Keras itself")
    twin_class = getattr(tf_keras.layers, kind, None)
    if twin_class is None:
        raise NoTwinError(f"tf_keras has no {kind}")
    return twin_class(**{**_options(layer, twin_class), "name": name})


def _split_separable(layer: keras.layers.SeparableConv2D, name: str) -> tuple[tf_keras.layers.Layer, ...]:
    options = _options(layer, tf_keras.layers.SeparableConv2D)
    shared = {option: options[option] for option in ("data_format", "dtype", "trainable")}
    first = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")
    first_only = {f"depthwise_{kind}": options[f"depthwise_{kind}"] for kind in ("regularizer", "constraint")}
    second = ("filters", "use_bias", "activation", "bias_regularizer", "bias_constraint", "activity_regularizer")
    second_only = {f"kernel_{kind}": options[f"pointwise_{kind}"] for kind in ("regularizer", "constraint")}
    return (
        tf_keras.layers.DepthwiseConv2D(
            **shared, **first_only, **{o: options[o] for o in first}, use_bias=False, name=f"{name}_depthwise"
        ),
        tf_keras.layers.Conv2D(
            **shared, **second_only, **{o: options[o] for o in second}, kernel_size=1, name=f"{name}_pointwise"
        ),
    )


def _options(layer: keras.Layer, twin_class: type) -> Options:
    known = parameters(twin_class)
    defaults = parameters(type(layer))
    options: Options = {}
    for option, value in layer.get_config().items():
        if option in IGNORED or option.endswith(IGNORED_ENDINGS):
            continue
        renamed = RENAMED_OPTIONS.get(type(layer).__name__, {}).get(option, option)
        if renamed in known:
            options[renamed] = _translate(layer, option, value)
        elif value and (option not in defaults or value != defaults[option].default):
            raise NoTwinError(f"{type(layer).__name__} of tf_keras has no option {option}")
    return options


def _translate(layer: keras.Layer, option: str, value: Any) -> Any:
    if value is None:
        return None
    if option == "dtype":
        return layer.dtype_policy.name
    if option.endswith("activation") and not isinstance(value, bool):
        return _activation(value)
    if option.endswith("_regularizer"):
        return _same_object(tf_keras.regularizers, value)
    if option.endswith("_constraint"):
        return _same_object(tf_keras.constraints, value)
    if option in WRAPPED:
        return _make_wrapped(layer, option)
    if option == "cells":
        return [_make_twin(cell, cell.name) for cell in layer.cells]
    if isinstance(value, dict) and "class_name" in value:
        raise NoTwinError(f"its option {option} is an object")
    return value


def _make_wrapped(layer: keras.Layer, option: str) -> tf_keras.layers.Layer:
    attribute = (
        {"layer": "forward_layer"}.get(option, option) if isinstance(layer, keras.layers.Bidirectional) else option
    )
    inner = getattr(layer, attribute)
    if isinstance(inner, keras.Model):
        raise NoTwinError("it wraps a model")
    return _make_twin(inner, inner.name)


def _activation(value: Any) -> str:
    if value in SAME_ACTIVATIONS:
        return str(value)
    if value in RENAMED_ACTIVATIONS:
        return RENAMED_ACTIVATIONS[value]
    raise NoTwinError(f"tf_keras has no activation like {value if isinstance(value, str) else value.get('config')}")


def _same_object(module: ModuleType, value: Json) -> Any:
    """Make the regularizer or constraint of the same name in tf_keras."""
    name = value["class_name"]
    if value.get("registered_name") or not hasattr(module, name):
        raise NoTwinError(f"tf_keras has no {name}")
    return getattr(module, name)(**value["config"])


def parameters(kind: type) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a constructor, those that it passes on to its bases included."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            found = {**parameters, **found}
            if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
                break
    if issubclass(kind, tf_keras.layers.RNN):  # taken from **kwargs
        found["zero_output_for_mask"] = inspect.Parameter("zero_output_for_mask", inspect.Parameter.KEYWORD_ONLY)
    return found | {name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("trainable", "dtype")}
