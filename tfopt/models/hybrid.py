"""Convolutions that see what is near, then a part that sees the whole sequence: recurrent, attention, or both.

Images become a sequence of the rows (recurrent) or the positions (attention) of what the convolutions make of them, in
the manner of CRNN (Shi et al. 2017); tokens and series go through convolutions over time (Zhou et al. 2015, C-LSTM).
"""

from dataclasses import replace

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import conv_batch_norm, vgg_block
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head
from tfopt.models.inputs import add_channel_axis, input_tensor, pool_attention, to_rows, to_sequence
from tfopt.models.rnn import recurrent_layer
from tfopt.models.signature import Signature
from tfopt.models.transformer_blocks import add_positions, encoder_block

SIZES: Sizes = {
    "tiny": Dimensions(8, 2, heads=2),
    "small": Dimensions(32, 2, heads=4),
    "base": Dimensions(64, 2, heads=8),
}
SEQUENCE = 2  # times the width of the first convolution
LEAST_SIZE = 8


def hybrid(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build `depth` blocks of convolutions, `width` filters in the first, and the `parts` after them, twice as wide."""
    size = resolve_dimensions(config, SIZES)
    wide = replace(size, width=SEQUENCE * size.width)
    inputs = input_tensor(signature)
    x = _conv_blocks(inputs, size, signature)
    if "rnn" in config.parts:
        last = config.parts == "rnn" and signature.kind != "tokens"
        x = recurrent_layer(to_rows(x), wide.width, config, config.cell, whole=not last)
    if "attention" in config.parts:
        x = layers.Reshape((-1, x.shape[-1]), name="positions")(x) if len(x.shape) == 4 else x
        x = encoder_block(add_positions(x, wide.width, "projection"), wide, "encoder")
        x = layers.LayerNormalization(name="norm")(x)
    x = pool_attention(x, signature) if len(x.shape) == 3 else x
    return add_head(inputs, x, signature, size.dropout, "hybrid")


def _conv_blocks(inputs: keras.KerasTensor, size: Dimensions, signature: Signature) -> keras.KerasTensor:
    if signature.kind != "image":
        x = to_sequence(inputs, signature, SEQUENCE * size.width)
        for layer in range(1, size.depth + 1):
            x = conv_batch_norm(x, SEQUENCE * size.width, f"conv{layer}")
        return x
    x = add_channel_axis(inputs)
    for block in range(size.depth):
        if block and min(x.shape[1:3]) < LEAST_SIZE:
            break
        x = vgg_block(x, size.width * 2**block, block + 1)
    return x
