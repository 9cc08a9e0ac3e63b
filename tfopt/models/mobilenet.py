"""A MobileNetV2 for small images: inverted residuals with linear bottlenecks (Sandler et al. 2018, arXiv:1801.04381).

A block widens its input fourfold with a convolution of size 1, filters each channel by itself (depthwise separable,
Howard et al. 2017), and narrows it again without an activation; where its shape stays, its input is added.
"""

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import batch_norm, conv_batch_norm
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head
from tfopt.models.inputs import add_channel_axis, input_tensor, pool
from tfopt.models.signature import Signature

SIZES: Sizes = {"tiny": Dimensions(8, 2), "small": Dimensions(16, 3), "base": Dimensions(32, 4)}
EXPANSION = 4
BLOCKS = 2
LARGE = 64
LEAST_SIZE = 8


def mobilenet(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build a MobileNetV2 of `depth` stages of two blocks; `width` channels in the first, doubled in each after it.

    A stage but the first halves a size of 8 pixels and more; for images of 64 pixels and more the stem halves it too.
    """
    size = resolve_dimensions(config, SIZES)
    inputs = input_tensor(signature)
    x = add_channel_axis(inputs)
    x = conv_batch_norm(x, size.width, "stem", stride=2 if min(x.shape[1:3]) >= LARGE else 1)
    for stage in range(size.depth):
        halved = stage > 0 and min(x.shape[1:3]) >= LEAST_SIZE
        for number, half in enumerate("ab"[:BLOCKS]):
            stride = 2 if halved and number == 0 else 1
            x = _inverted_residual(x, size.width * 2**stage, stride, f"block{stage + 1}{half}")
    x = conv_batch_norm(x, EXPANSION * x.shape[-1], "last", kernel=1)
    return add_head(inputs, pool(x, signature), signature, size.dropout, "mobilenet")


def _inverted_residual(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    y = conv_batch_norm(x, EXPANSION * x.shape[-1], f"{name}_expand", kernel=1)
    y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")(y)
    y = layers.ReLU(name=f"{name}_depthwise_relu")(batch_norm(y, f"{name}_depthwise"))
    y = conv_batch_norm(y, width, f"{name}_project", kernel=1, relu=False)
    return layers.Add(name=name)([x, y]) if x.shape == y.shape else y
