"""A tf_keras model is rebuilt in Keras 3, layer by layer, and verified: so files of Keras 2 come in.

The result is a plain Keras 3 model. What Keras 3 has no layer or operation for cannot be part of one and is refused by
name. Nested models stay nested.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tfopt.errors import UnsupportedError
from tfopt.formats.equivalence import TOLERANCE, output_arrays, relative_difference
from tfopt.formats.legacy import operations
from tfopt.formats.legacy.layer_twins import IGNORED_ENDINGS, NoTwinError, parameters
from tfopt.formats.legacy.wrapper_layer import WrappedCall, insert_tensors
from tfopt.graph.random_inputs import FREE, random_batch
from tfopt.graph.tensor_sizes import check_tensor_sizes
from tfopt.typing import Options, Tensor

# Options of Keras 2 that Keras 3 lost because they do not change the result, or are told by the shapes.
DROPPED = {
    "name", "batch_input_shape", "input_length", "implementation", "time_major", "ragged", "sparse", "query_shape",
    "key_shape", "value_shape", "groups", "dtype", "keepdims", "noise_shape", "input_dtype", "reset_after_version",
}  # fmt: skip
RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}
DIFFERENT_ACTIVATIONS = {"hard_sigmoid"}  # the same name for another function
Pairs = dict[int, tuple[Tensor, Tensor]]  # by identity of the tf_keras tensor: that tensor and its counterpart


def to_keras3(model: tf_keras.Model, title: str) -> keras.Model:
    """Rebuild a model in Keras 3.

    Args:
        model: A model of tf_keras, which is left alone.
        title: What messages call it.

    Returns:
        The same model, whose outputs are those of `model`.

    Raises:
        UnsupportedError: That cannot be done exactly; the message names the layer.
    """
    counterparts: dict[int, keras.Layer] = {}
    result, pairs = _rebuild(model, title, counterparts)
    check_tensor_sizes(result, title)
    inputs = [random_batch(tensor.shape, tensor.dtype, _vocabulary(model), FREE) for tensor in model.inputs]
    before = output_arrays(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    after = output_arrays(result(inputs if len(inputs) > 1 else inputs[0], training=False))
    difference = relative_difference(before, after)
    if not difference <= TOLERANCE:
        where = _first_different(model, result, pairs, inputs)
        raise UnsupportedError(
            f"{title} answers differently after it was rebuilt in Keras 3, by {difference:.1e} of its output;"
            f" the first layer that differs is {where}"
        )
    return result


def _rebuild(model: tf_keras.Model, title: str, counterparts: dict[int, keras.Layer]) -> tuple[keras.Model, Pairs]:
    if not model.inputs:
        raise UnsupportedError(f"{title} is a {type(model).__name__}, a model whose graph is not known")
    pairs: Pairs = {}
    for tensor, name in zip(model.inputs, model.input_names, strict=True):
        pairs[id(tensor)] = tensor, keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype.name, name=name)
    pending = list(_calls(model))
    while any(id(tensor) not in pairs for tensor in model.outputs):
        blocked = [call for call in pending if not _repeat_call(*call, title, counterparts, pairs)]
        if len(blocked) == len(pending):
            raise UnsupportedError(f"{title} has a graph that is not connected")
        pending = blocked
    inputs, outputs = ([pairs[id(tensor)][1] for tensor in ends] for ends in (model.inputs, model.outputs))
    single = len(inputs) == 1 and len(outputs) == 1
    arguments = (inputs[0], outputs[0]) if single else (inputs, outputs)
    return keras.Model(*arguments, name=model.name), pairs


def _calls(model: tf_keras.Model) -> Iterator[tuple[tf_keras.layers.Layer, Any]]:
    for layer in model.layers:
        if not isinstance(layer, tf_keras.layers.InputLayer):
            for node in layer.inbound_nodes:
                yield layer, node


def _repeat_call(
    layer: tf_keras.layers.Layer, node: Any, title: str, counterparts: dict[int, keras.Layer], pairs: Pairs
) -> bool:
    """Repeat a call with the counterparts of its tensors; return False if one of them is not there yet."""
    arguments = (node.call_args, node.call_kwargs)
    tensors = [leaf for leaf in tf.nest.flatten(arguments) if _is_symbolic(leaf)]
    if any(id(tensor) not in pairs for tensor in tensors):
        return False
    args, kwargs = tf.nest.map_structure(lambda leaf: pairs[id(leaf)][1] if _is_symbolic(leaf) else leaf, arguments)
    try:
        outputs = _call_counterpart(layer, args, kwargs, title, counterparts)
    except (NoTwinError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnsupportedError(
            f"{title} cannot become a Keras 3 model: {layer.name} ({type(layer).__name__}): {reason}"
        ) from error
    for tensor, output in zip(tf.nest.flatten(node.outputs), keras.tree.flatten(outputs), strict=True):
        pairs[id(tensor)] = tensor, output
    return True


def _call_counterpart(
    layer: tf_keras.layers.Layer, args: Tensor, kwargs: Options, title: str, counterparts: dict[int, keras.Layer]
) -> Tensor:
    if hasattr(layer, "wrapped_call"):  # a Keras 3 layer that was wrapped
        wrapped: WrappedCall = layer.wrapped_call()
        args, kwargs = insert_tensors((wrapped.args, wrapped.kwargs), keras.tree.flatten(args))
        return wrapped.operation(*args, **kwargs)
    if operations.is_operation(layer):
        return operations.call_operation(layer, args, kwargs)
    if id(layer) not in counterparts:
        counterparts[id(layer)] = (
            _rebuild(layer, title, counterparts)[0] if isinstance(layer, tf_keras.Model) else counterpart(layer)
        )
    twin = counterparts[id(layer)]
    known = {name: value for name, value in kwargs.items() if value is not None and name != "training"}
    outputs = twin(*args, **known)
    if not isinstance(twin, keras.Model):
        _copy_weights(layer, twin)
    return outputs


def _copy_weights(layer: tf_keras.layers.Layer, twin: keras.Layer) -> None:
    weights = layer.get_weights()
    if [tuple(weight.shape) for weight in weights] != [tuple(weight.shape) for weight in twin.weights]:
        raise NoTwinError("its weights have other shapes in Keras 3")
    twin.set_weights(weights)
    twin.trainable = layer.trainable


def counterpart(layer: tf_keras.layers.Layer) -> keras.Layer:
    """Make a new, unbuilt Keras 3 layer that does what a layer of tf_keras does.

    Raises:
        NoTwinError: None is known.
    """
    kind = type(layer).__name__
    twin_class = getattr(keras.layers, kind, None)
    if twin_class is None or getattr(tf_keras.layers, kind, None) is not type(layer):
        raise NoTwinError(f"Keras 3 has no {kind}")
    known = parameters(twin_class)
    options: Options = {"name": layer.name}
    for option, value in layer.get_config().items():
        if option in DROPPED - set(known) or option in ("name", "dtype") or option.endswith(IGNORED_ENDINGS):
            continue
        renamed = RENAMED.get(kind, {}).get(option, option)
        if renamed in known:
            options[renamed] = _translate(layer, option, value)
        elif value and option not in DROPPED:
            raise NoTwinError(f"{kind} of Keras 3 has no option {option}")
    return twin_class(**options, dtype=layer.dtype_policy.name if hasattr(layer, "dtype_policy") else layer.dtype)


def _translate(layer: tf_keras.layers.Layer, option: str, value: Any) -> Any:
    if value is None:
        return None
    if option.endswith("activation") and isinstance(value, str) and value in DIFFERENT_ACTIVATIONS:
        raise NoTwinError(f"{value} is another function in Keras 3")
    if option.endswith("_regularizer"):
        return getattr(keras.regularizers, value["class_name"])(**value["config"])
    if option.endswith("_constraint"):
        return getattr(keras.constraints, value["class_name"])(**value["config"])
    if option in ("layer", "backward_layer", "cell"):
        forward = isinstance(layer, tf_keras.layers.Bidirectional) and option == "layer"
        inner = layer.forward_layer if forward else getattr(layer, option)
        return to_keras3(inner, layer.name) if isinstance(inner, tf_keras.Model) else counterpart(inner)
    if option == "cells":
        return [counterpart(cell) for cell in layer.cells]
    if option == "axis" and isinstance(value, list | tuple) and len(value) == 1:
        return value[0]
    return value.item() if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value


def _first_different(model: tf_keras.Model, result: keras.Model, pairs: Pairs, inputs: list[tf.Tensor]) -> str:
    befores, afters = zip(*pairs.values(), strict=True)
    structured = inputs if len(inputs) > 1 else inputs[0]
    ours = keras.Model(result.inputs, list(afters))(structured, training=False)
    theirs = tf_keras.Model(model.inputs, list(befores))(structured, training=False)
    for tensor, before, after in zip(befores, theirs, ours, strict=True):
        if not relative_difference(output_arrays(before), output_arrays(after)) <= TOLERANCE:
            return str(tensor.name.split("/")[0])
    return "in a nested model"


def _is_symbolic(leaf: object) -> bool:
    try:
        return bool(tf_keras.backend.is_keras_tensor(leaf))
    except ValueError:  # it raises for what is no tensor at all
        return False


def _vocabulary(model: tf_keras.Model) -> int | None:
    sizes = [layer.input_dim for layer in model.submodules if isinstance(layer, tf_keras.layers.Embedding)]
    return min(sizes, default=None)
