"""Convolutions that see what is near, then a part that sees the whole sequence: recurrent, attention, or both.

Images become a sequence of the rows (recurrent) or the positions (attention) of what the convolutions make of them, in
the manner of CRNN (Shi et al. 2017); tokens and series go through convolutions over time (Zhou et al. 2015, C-LSTM).
"""

from dataclasses import replace

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import convolved, plain_block
from tfopt.models.dimensions import Dimensions, Sizes, dimensions
from tfopt.models.heads import with_head
from tfopt.models.inputs import attended, entry, rows, sequence, with_channels
from tfopt.models.rnn import recurrent
from tfopt.models.signature import Signature
from tfopt.models.transformer_blocks import encoded, positioned

SIZES: Sizes = {
    "tiny": Dimensions(8, 2, heads=2),
    "small": Dimensions(32, 2, heads=4),
    "base": Dimensions(64, 2, heads=8),
}
SEQUENCE = 2  # times the width of the first convolution
LEAST_SIZE = 8


def hybrid(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build `depth` blocks of convolutions, `width` filters in the first, and the `parts` after them, twice as wide."""
    size = dimensions(config, SIZES)
    wide = replace(size, width=SEQUENCE * size.width)
    inputs = entry(signature)
    x = _convolutions(inputs, size, signature)
    if "rnn" in config.parts:
        last = config.parts == "rnn" and signature.kind != "tokens"
        x = recurrent(rows(x), wide.width, config, config.cell, whole=not last)
    if "attention" in config.parts:
        x = layers.Reshape((-1, x.shape[-1]), name="positions")(x) if len(x.shape) == 4 else x
        x = encoded(positioned(x, wide.width, "projection"), wide, "encoder")
        x = layers.LayerNormalization(name="norm")(x)
    x = attended(x, signature) if len(x.shape) == 3 else x
    return with_head(inputs, x, signature, size.dropout, "hybrid")


def _convolutions(inputs: keras.KerasTensor, size: Dimensions, signature: Signature) -> keras.KerasTensor:
    if signature.kind != "image":
        x = sequence(inputs, signature, SEQUENCE * size.width)
        for layer in range(1, size.depth + 1):
            x = convolved(x, SEQUENCE * size.width, f"conv{layer}")
        return x
    x = with_channels(inputs)
    for block in range(size.depth):
        if block and min(x.shape[1:3]) < LEAST_SIZE:
            break
        x = plain_block(x, size.width * 2**block, block + 1)
    return x
