"""A transformer encoder for tokens, series and images; an image is a sequence of patches (Dosovitskiy et al. 2021)."""

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import conv_batch_norm
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head
from tfopt.models.inputs import add_channel_axis, input_tensor, pool_attention, to_sequence
from tfopt.models.signature import Signature
from tfopt.models.transformer_blocks import add_positions, encoder_block

SIZES: Sizes = {
    "tiny": Dimensions(16, 1, heads=2, dropout=0.1),
    "small": Dimensions(64, 2, heads=4, dropout=0.1),
    "base": Dimensions(128, 4, heads=8, dropout=0.1),
}
MOST_PATCHES = 64
MOST_STEPS = 32


def transformer(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build `depth` blocks on vectors of `width` numbers with `heads` heads."""
    size = resolve_dimensions(config, SIZES)
    inputs = input_tensor(signature)
    match signature.kind:
        case "image":
            x = _to_patches(add_channel_axis(inputs), size.width)
        case "series":
            x = _to_spans(to_sequence(inputs, signature, size.width), size.width)
        case _:
            x = to_sequence(inputs, signature, size.width)
    x = add_positions(x, size.width, "positions")
    for block in range(1, size.depth + 1):
        x = encoder_block(x, size, f"block{block}")
    x = layers.LayerNormalization(name="norm")(x)
    return add_head(inputs, pool_attention(x, signature), signature, size.dropout, "transformer")


def _to_patches(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Cut an image into a sequence of at most 64 patches; a convolution before steadies training (Xiao et al. 2021)."""
    x = conv_batch_norm(x, max(8, width // 4), "stem")
    height, breadth = x.shape[1:3]
    side = next(
        side for side in range(2, max(height, breadth) + 1) if _count_patches(height, breadth, side) <= MOST_PATCHES
    )
    x = layers.Conv2D(width, side, side, padding="same", name="patches")(x)
    return layers.Reshape((-1, width), name="sequence")(x)


def _count_patches(height: int, breadth: int, side: int) -> int:
    return -(-height // side) * -(-breadth // side)


def _to_spans(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Shorten a long window to at most 32 spans of a few steps each (Nie et al. 2023, PatchTST)."""
    span = -(-x.shape[1] // MOST_STEPS)
    return layers.Conv1D(width, span, span, padding="same", name="patches")(x) if span > 1 else x
