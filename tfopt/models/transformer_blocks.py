"""Blocks of a transformer (Vaswani et al. 2017, arXiv:1706.03762), normalized before each part (Xiong et al. 2020).

Self-attention, in a decoder also attention to the source, and two dense layers: each adds to what passes through.
"""

import keras
from keras import layers

from tfopt.models.dimensions import Dimensions, head_size

FEED_FORWARD = 2  # times the width


def add_positions(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    """Project a sequence (N, T, F) to `width`, with a bias for each position: learned positional embeddings."""
    return layers.EinsumDense(
        "btf,fd->btd", (x.shape[1], width), bias_axes="td", bias_initializer="random_normal", name=name
    )(x)


def encoder_block(
    x: keras.KerasTensor, size: Dimensions, name: str, mask: keras.KerasTensor | None = None
) -> keras.KerasTensor:
    """Add one block of an encoder to (N, T, width); positions where `mask` (N, 1, T) is false are not looked at."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    x = _add(x, _attention(size, f"{name}_attention")(y, y, attention_mask=mask), size, name)
    return _feed_forward(x, size, name)


def decoder_block(
    x: keras.KerasTensor, source: keras.KerasTensor, size: Dimensions, name: str, mask: keras.KerasTensor
) -> keras.KerasTensor:
    """Add one block of a decoder to (N, T, width): no position sees a later one, all see `source` (N, S, width)."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    x = _add(x, _attention(size, f"{name}_attention")(y, y, use_causal_mask=True), size, name)
    y = layers.LayerNormalization(name=f"{name}_cross_norm")(x)
    y = _attention(size, f"{name}_cross")(y, source, attention_mask=mask)
    return _feed_forward(_add(x, y, size, f"{name}_cross"), size, name)


def _attention(size: Dimensions, name: str) -> layers.MultiHeadAttention:
    return layers.MultiHeadAttention(size.heads, head_size(size.width, size.heads), name=name)


def _feed_forward(x: keras.KerasTensor, size: Dimensions, name: str) -> keras.KerasTensor:
    y = layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    y = layers.Dense(FEED_FORWARD * size.width, activation="relu", name=f"{name}_dense1")(y)
    return _add(x, layers.Dense(size.width, name=f"{name}_dense2")(y), size, f"{name}_dense")


def _add(x: keras.KerasTensor, y: keras.KerasTensor, size: Dimensions, name: str) -> keras.KerasTensor:
    y = layers.Dropout(size.dropout, name=f"{name}_dropout")(y) if size.dropout else y
    return layers.Add(name=f"{name}_add")([x, y])
