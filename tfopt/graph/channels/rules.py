"""Which rule follows channels through which layer or operation; the channels that anything else is given stay."""

from collections.abc import Callable
from dataclasses import replace

import keras
from keras import layers

from tfopt.graph.channels import attention, merging, recurrent, shapes, weighted
from tfopt.graph.channels import elementwise as following
from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.ledger import CannotFollow, Site, Traced
from tfopt.typing import Tensor

Answer = Channels | None | list[Channels | None]
Rule = Callable[[Site], Answer]

LAYERS: dict[type, Rule] = {
    layers.Dense: weighted.dense,
    layers.EinsumDense: weighted.einsum,
    layers.Embedding: weighted.embedding,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), weighted.convolution),
    **dict.fromkeys((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), weighted.transposed),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), weighted.depthwise),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), weighted.separable),
    **dict.fromkeys(recurrent.GATES, recurrent.recurrent),
    layers.Bidirectional: recurrent.bidirectional,
    layers.MultiHeadAttention: attention.multi_head,
    layers.BatchNormalization: following.batch_normalization,
    layers.GroupNormalization: following.group_normalization,
    **dict.fromkeys((layers.LayerNormalization, layers.RMSNormalization), following.layer_normalization),
    layers.PReLU: following.prelu,
    **dict.fromkeys((layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU), following.activation),
    layers.Softmax: following.softmax,
    layers.Rescaling: following.rescaling,
    **dict.fromkeys(following.DROPPING, following.unchanged),
    **dict.fromkeys(following.SPATIAL, following.spatial),
    **dict.fromkeys(following.GLOBAL, following.pooled_away),
    **dict.fromkeys((layers.ZeroPadding1D, layers.Cropping1D, layers.UpSampling1D), shapes.along_steps),
    layers.Flatten: shapes.flatten,
    layers.Reshape: shapes.reshape_layer,
    layers.Permute: shapes.permute,
    layers.RepeatVector: shapes.repeat_vector,
    **dict.fromkeys(
        (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum),
        merging.merge_layer,
    ),
    layers.Concatenate: merging.concatenated,
}
# Operations of keras.ops have no public class: they are known by their names.
OPERATIONS: dict[str, Rule] = {
    **dict.fromkeys(
        ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Power"), merging.elementwise
    ),
    **dict.fromkeys(
        (
            "Absolute", "Abs", "Cast", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSilu",
            "LeakyRelu", "Log", "Log1p", "LogSigmoid", "Mish", "Negative", "Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid",
            "Silu", "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh",
        ),
        following.unchanged,
    ),
    **dict.fromkeys(("Mean", "Max", "Min", "Sum"), shapes.reduced),
    "Concatenate": merging.concatenated,
    "ExpandDims": shapes.expand_dims,
    "GetItem": shapes.sliced,
    "Reshape": shapes.reshape_operation,
    "Squeeze": shapes.squeeze,
    "Transpose": shapes.transpose,
}  # fmt: skip
MANY = (layers.Bidirectional, layers.MultiHeadAttention, layers.Concatenate, *recurrent.GATES)
INSIDE = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.BatchNormalization, layers.Activation, layers.Dropout)


def follow(site: Site) -> Answer:
    """Apply the rule; raises `CannotFollow` where there is none."""
    layer = site.layer
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        raise CannotFollow("its weights are quantized or adapted")
    if type(layer) is layers.TimeDistributed:
        return _at_each_step(site)
    rule = LAYERS.get(type(layer)) if isinstance(layer, keras.Layer) else OPERATIONS.get(type(layer).__name__)
    if rule is None:
        raise CannotFollow(f"{type(layer).__name__} is not known to keep channels apart")
    merging_rule = rule in (merging.merge_layer, merging.elementwise, merging.concatenated)
    if len(site.given) != 1 and not merging_rule and type(layer) not in MANY:
        raise CannotFollow(f"{type(layer).__name__} of several tensors")
    return rule(site)


def _at_each_step(site: Site) -> Answer:
    """TimeDistributed: what the layer inside does to (N, ...), at each step of (N, T, ...)."""
    inside = site.layer.layer
    if type(inside) not in INSIDE:
        raise CannotFollow(f"a {type(inside).__name__} at each step")
    given = tuple(_step(x) for x in site.given)
    spec = keras.KerasTensor((site.shape[0], *site.shape[2:]))
    answer: Tensor = follow(replace(site, layer=inside, output=spec, path=("layer", "config"), given=given))
    return None if answer is None else Channels(answer.axis + 1, answer.ids)


def _step(x: Traced) -> Traced:
    if x.channels is not None and x.channels.axis == 1:
        raise CannotFollow("channels along the steps")
    channels = None if x.channels is None else Channels(x.channels.axis - 1, x.channels.ids)
    return Traced(keras.KerasTensor((x.shape[0], *x.shape[2:])), channels)
