"""The rule that follows channels through each layer or operation; the channels that anything else is given stay.

A rule takes a `LayerCall`, marks what belongs to the channels, and returns those of the outputs.
"""

from collections.abc import Callable
from dataclasses import replace

import keras
from keras import layers

from tfopt.graph.channels import attention, elementwise, linear_layers, merge_layers, recurrent, shape_ops
from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import LayerCall, TracedTensor, Untraceable
from tfopt.typing import Tensor

Answer = Channels | None | list[Channels | None]
Rule = Callable[[LayerCall], Answer]

LAYER_RULES: dict[type, Rule] = {
    layers.Dense: linear_layers.dense,
    layers.EinsumDense: linear_layers.einsum,
    layers.Embedding: linear_layers.embedding,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), linear_layers.convolution),
    **dict.fromkeys((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), linear_layers.transposed),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), linear_layers.depthwise),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), linear_layers.separable),
    **dict.fromkeys(recurrent.GATES, recurrent.recurrent),
    layers.Bidirectional: recurrent.bidirectional,
    layers.MultiHeadAttention: attention.multi_head_attention,
    layers.BatchNormalization: elementwise.batch_normalization,
    layers.GroupNormalization: elementwise.group_normalization,
    **dict.fromkeys((layers.LayerNormalization, layers.RMSNormalization), elementwise.layer_normalization),
    layers.PReLU: elementwise.prelu,
    **dict.fromkeys((layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU), elementwise.activation),
    layers.Softmax: elementwise.softmax,
    layers.Rescaling: elementwise.rescaling,
    **dict.fromkeys(elementwise.UNCHANGED_LAYERS, elementwise.unchanged),
    **dict.fromkeys(elementwise.SPATIAL_LAYERS, elementwise.spatial),
    **dict.fromkeys(elementwise.GLOBAL_POOLING_LAYERS, elementwise.global_pooling),
    **dict.fromkeys((layers.ZeroPadding1D, layers.Cropping1D, layers.UpSampling1D), shape_ops.resize_steps),
    layers.Flatten: shape_ops.flatten,
    layers.Reshape: shape_ops.reshape_layer,
    layers.Permute: shape_ops.permute,
    layers.RepeatVector: shape_ops.repeat_vector,
    **dict.fromkeys(
        (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum),
        merge_layers.merge,
    ),
    layers.Concatenate: merge_layers.concatenate,
}
# Operations of keras.ops have no public class: they are known by their names.
OPERATION_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Power"), merge_layers.broadcast
    ),
    **dict.fromkeys(
        (
            "Absolute", "Abs", "Cast", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSilu",
            "LeakyRelu", "Log", "Log1p", "LogSigmoid", "Mish", "Negative", "Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid",
            "Silu", "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh",
        ),
        elementwise.unchanged,
    ),
    **dict.fromkeys(("Mean", "Max", "Min", "Sum"), shape_ops.reduce),
    "Concatenate": merge_layers.concatenate,
    "ExpandDims": shape_ops.expand_dims,
    "GetItem": shape_ops.slice_tensor,
    "Reshape": shape_ops.reshape_operation,
    "Squeeze": shape_ops.squeeze,
    "Transpose": shape_ops.transpose,
}  # fmt: skip
MULTI_INPUT_LAYERS = (layers.Bidirectional, layers.MultiHeadAttention, layers.Concatenate, *recurrent.GATES)
TIME_DISTRIBUTED_LAYERS = (
    layers.Dense,
    layers.Conv1D,
    layers.Conv2D,
    layers.BatchNormalization,
    layers.Activation,
    layers.Dropout,
)


def apply_rule(call: LayerCall) -> Answer:
    """Return the channels that come out of a call, for its first output or for all; raise `Untraceable` if unknown."""
    layer = call.layer
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        raise Untraceable("its weights are quantized or adapted")
    if type(layer) is layers.TimeDistributed:
        return _apply_at_each_step(call)
    rule = LAYER_RULES.get(type(layer)) if isinstance(layer, keras.Layer) else OPERATION_RULES.get(type(layer).__name__)
    if rule is None:
        raise Untraceable(f"{type(layer).__name__} is not known to keep channels apart")
    merging_rule = rule in (merge_layers.merge, merge_layers.broadcast, merge_layers.concatenate)
    if len(call.given) != 1 and not merging_rule and type(layer) not in MULTI_INPUT_LAYERS:
        raise Untraceable(f"{type(layer).__name__} of several tensors")
    return rule(call)


def _apply_at_each_step(call: LayerCall) -> Answer:
    """Follow TimeDistributed: the layer inside does at each step of (N, T, ...) what it does to (N, ...)."""
    inside = call.layer.layer
    if type(inside) not in TIME_DISTRIBUTED_LAYERS:
        raise Untraceable(f"a {type(inside).__name__} at each step")
    given = tuple(_take_step(x) for x in call.given)
    spec = keras.KerasTensor((call.shape[0], *call.shape[2:]))
    answer: Tensor = apply_rule(replace(call, layer=inside, output=spec, path=("layer", "config"), given=given))
    return None if answer is None else Channels(answer.axis + 1, answer.ids)


def _take_step(x: TracedTensor) -> TracedTensor:
    if x.channels is not None and x.channels.axis == 1:
        raise Untraceable("channels along the steps")
    channels = None if x.channels is None else Channels(x.channels.axis - 1, x.channels.ids)
    return TracedTensor(keras.KerasTensor((x.shape[0], *x.shape[2:])), channels)
