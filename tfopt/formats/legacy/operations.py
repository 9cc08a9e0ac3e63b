"""Operations of TensorFlow in a Keras 2 graph, such as `a + b` and `tf.reshape(x, ...)`, and their twins in Keras 3."""

from collections.abc import Callable
from typing import Any

import keras
import tf_keras

from tfopt.formats.legacy.layer_twins import NoTwinError
from tfopt.typing import Options, Tensor

ops = keras.ops


def _in_order(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Take operands by position, whatever they are called."""
    return lambda *operands, **more: function(*operands, *more.values())


def _get_item(x: Tensor, spec: Any) -> Tensor:
    return x[_slices(spec)]


def _slices(spec: Any) -> Any:
    if isinstance(spec, dict):
        return slice(spec.get("start"), spec.get("stop"), spec.get("step"))
    return tuple(_slices(item) for item in spec) if isinstance(spec, list | tuple) else spec


OPERATION_TWINS: dict[str, Callable[..., Tensor]] = {
    "__operators__.add": _in_order(ops.add),
    "__operators__.getitem": _get_item,
    "cast": ops.cast,
    "compat.v1.transpose": lambda a, perm=None: ops.transpose(a, perm),
    "concat": lambda values, axis=-1: ops.concatenate(values, axis),
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis),
    "identity": lambda input: input,
    "linalg.matmul": lambda a, b, transpose_a=False, transpose_b=False: ops.matmul(
        ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b
    ),
    "math.abs": _in_order(ops.abs),
    "math.add": _in_order(ops.add),
    "math.divide": _in_order(ops.divide),
    "math.exp": _in_order(ops.exp),
    "math.log": _in_order(ops.log),
    "math.maximum": _in_order(ops.maximum),
    "math.minimum": _in_order(ops.minimum),
    "math.multiply": _in_order(ops.multiply),
    "math.not_equal": _in_order(ops.not_equal),
    "math.pow": _in_order(ops.power),
    "math.reduce_max": lambda input_tensor, axis=None, keepdims=False: ops.max(input_tensor, axis, keepdims),
    "math.reduce_mean": lambda input_tensor, axis=None, keepdims=False: ops.mean(input_tensor, axis, keepdims),
    "math.reduce_sum": lambda input_tensor, axis=None, keepdims=False: ops.sum(input_tensor, axis, keepdims),
    "math.rsqrt": _in_order(ops.rsqrt),
    "math.sigmoid": _in_order(ops.sigmoid),
    "math.sqrt": _in_order(ops.sqrt),
    "math.square": _in_order(ops.square),
    "math.subtract": _in_order(ops.subtract),
    "math.tanh": _in_order(ops.tanh),
    "math.truediv": _in_order(ops.divide),
    "nn.gelu": lambda features, approximate=False: ops.gelu(features, approximate),
    "nn.relu": lambda features: ops.relu(features),
    "nn.relu6": lambda features: ops.relu6(features),
    "nn.sigmoid": _in_order(ops.sigmoid),
    "nn.silu": lambda features: ops.silu(features),
    "nn.softmax": lambda logits, axis=-1: ops.softmax(logits, axis),
    "reshape": lambda tensor, shape: ops.reshape(tensor, shape),
    "squeeze": lambda input, axis=None: ops.squeeze(input, axis),
    "transpose": lambda a, perm=None: ops.transpose(a, perm),
}


def is_operation(layer: tf_keras.layers.Layer) -> bool:
    """Tell whether this layer stands for a call of a TensorFlow function in the graph."""
    return type(layer).__name__ in ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "TensorFlowOpLayer")


def call_operation(layer: tf_keras.layers.Layer, args: tuple[Tensor, ...], kwargs: Options) -> Tensor:
    """Call the operation of Keras 3 that does the same as a layer of TensorFlow's.

    Raises:
        NoTwinError: None is known.
    """
    name = layer.get_config().get("function", type(layer).__name__)
    if name not in OPERATION_TWINS:
        raise NoTwinError(f"no operation of Keras 3 is known to do the same as tf.{name}")
    options = {option: value for option, value in kwargs.items() if option != "name" and value is not None}
    return OPERATION_TWINS[name](*args, **options)
