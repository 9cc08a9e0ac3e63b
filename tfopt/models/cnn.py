"""A plain convolutional network in the manner of VGG (Simonyan & Zisserman 2015) with batch normalization.

Each block is two 3x3 convolutions and a halving of the size; the width doubles from block to block, and global average
pooling (Lin et al. 2014) ends the trunk, so that most weights are where pruning and quantization work best.
"""

import keras
from keras import layers

from tfopt.config import ModelConfig
from tfopt.errors import InputError
from tfopt.models.signature import Signature

MOST_BLOCKS = 3
BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.99 lags behind when an epoch has few steps, and validation misjudges early epochs


def cnn(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build a CNN for images (H, W) or (H, W, C), or a 1-D one for tokens (T,); `width` filters in the first block."""
    width, dropout = config.width or 16, 0.2 if config.dropout is None else config.dropout
    inputs = keras.Input(signature.shape, dtype="int32" if signature.kind == "tokens" else "float32", name="input")
    match signature.kind:
        case "image" if len(signature.shape) in (2, 3) and min(signature.shape[:2]) >= 4:
            x = layers.Reshape((*signature.shape, 1))(inputs) if len(signature.shape) == 2 else inputs
            x = _blocks_2d(x, width, min(signature.shape[:2]))
        case "tokens":
            x = _blocks_1d(inputs, width, signature.vocabulary or 0)
        case _:
            raise InputError(
                f"--arch cnn needs images of at least 4x4 pixels, but the samples have shape {signature.shape};"
                " use --arch mlp"
            )
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(signature.outputs[0], activation="softmax", name="classes")(x), name="cnn")


def _blocks_2d(x: keras.KerasTensor, width: int, size: int) -> keras.KerasTensor:
    for block in range(1, MOST_BLOCKS + 1):
        for half in "ab":
            name = f"conv{block}{half}"
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=name)(x)
            x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_norm")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(name=f"pool{block}")(x)
        width, size = width * 2, size // 2
        if size < 3:
            break
    return layers.GlobalAveragePooling2D(name="average")(x)


def _blocks_1d(x: keras.KerasTensor, width: int, vocabulary: int) -> keras.KerasTensor:
    x = layers.Embedding(vocabulary, width, name="embedding")(x)
    x = layers.Conv1D(width * 2, 5, padding="same", activation="relu", name="conv1")(x)
    return layers.GlobalMaxPooling1D(name="maximum")(x)
