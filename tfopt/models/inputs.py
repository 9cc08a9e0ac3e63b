"""The first layers of a model: its input, and the forms in which architectures take it.

Tokens are embedded, series are windows (steps, variates), and an image is a map of pixels or a sequence of its rows.
"""

import keras
from keras import layers

from tfopt.models.signature import Signature


def input_tensor(signature: Signature) -> keras.KerasTensor:
    """Make the input of a model that has one."""
    return keras.Input(signature.shape, dtype="int32" if signature.kind == "tokens" else "float32", name="input")


def add_channel_axis(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Return images as (N, H, W, C)."""
    return layers.Reshape((*inputs.shape[1:], 1))(inputs) if len(inputs.shape) == 3 else inputs


def to_sequence(inputs: keras.KerasTensor, signature: Signature, width: int) -> keras.KerasTensor:
    """Return samples as (N, steps, features): tokens embedded in `width` numbers, windows, or the rows of an image."""
    match signature.kind:
        case "tokens":
            return layers.Embedding(signature.words, width, name="embedding")(inputs)
        case "image":
            return to_rows(inputs)
        case _:
            return subtract_last_step(inputs, signature)


def subtract_last_step(inputs: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """Return the window (N, T, V) as differences to its last step if it is to be forecast, else as it is."""
    if signature.task != "forecasting":
        return inputs
    return layers.Subtract(name="relative")([inputs, inputs[:, -1:]])


def to_rows(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return an image or feature map (N, H, W, C) as a sequence of its H rows; (N, H, W) is one already."""
    return layers.Reshape((x.shape[1], -1), name="rows")(x) if len(x.shape) == 4 else x


def pool(x: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """Pool a sequence or feature map to one vector (N, F).

    For tokens, of which most are padding, take the strongest of each feature, else the mean.
    """
    if signature.kind == "tokens":
        return layers.GlobalMaxPooling1D(name="maximum")(x)
    pooling = layers.GlobalAveragePooling2D if len(x.shape) == 4 else layers.GlobalAveragePooling1D
    return pooling(name="average")(x)


def pool_attention(x: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """Pool a sequence after attention to one vector: its last position for a forecast, else as `pool` does."""
    return x[:, -1] if signature.task == "forecasting" else pool(x, signature)
