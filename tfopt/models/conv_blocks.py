"""Blocks of convolutions with batch normalization, in one dimension for sequences and in two for images."""

import keras
from keras import layers

BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.99 lags behind when an epoch has few steps, and validation misjudges early epochs


def conv_batch_norm(
    x: keras.KerasTensor, width: int, name: str, *, kernel: int = 3, stride: int = 1, relu: bool = True
) -> keras.KerasTensor:
    """Add a convolution to `width` channels, its normalization `name`_norm and, unless told otherwise, `name`_relu."""
    layer = layers.Conv1D if len(x.shape) == 3 else layers.Conv2D
    x = layer(width, kernel, stride, padding="same", use_bias=False, name=name)(x)
    x = batch_norm(x, name)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Add the batch normalization `name`_norm."""
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_norm")(x)


def vgg_block(x: keras.KerasTensor, width: int, number: int) -> keras.KerasTensor:
    """Add two convolutions of size 3 and halve the size (Simonyan & Zisserman 2015)."""
    for half in "ab":
        x = conv_batch_norm(x, width, f"conv{number}{half}")
    pooling = layers.MaxPooling1D if len(x.shape) == 3 else layers.MaxPooling2D
    return pooling(name=f"pool{number}")(x)


def residual_block(x: keras.KerasTensor, width: int, number: str, stride: int) -> keras.KerasTensor:
    """Add two convolutions whose result is added to what they were given (He et al. 2016), with `stride` in the first.

    If the shape changes, a convolution of size 1 takes the way around.
    """
    y = conv_batch_norm(x, width, f"conv{number}a", stride=stride)
    y = conv_batch_norm(y, width, f"conv{number}b", relu=False)
    if stride > 1 or x.shape[-1] != width:
        x = conv_batch_norm(x, width, f"short{number}", kernel=1, stride=stride, relu=False)
    return layers.ReLU(name=f"block{number}_relu")(layers.Add(name=f"block{number}")([x, y]))
