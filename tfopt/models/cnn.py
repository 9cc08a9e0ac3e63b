"""A plain convolutional network in the manner of VGG (Simonyan & Zisserman 2015) with batch normalization.

Each block is two convolutions of size 3 and a halving of the size; the width doubles from block to block, and global
average pooling (Lin et al. 2014) ends the trunk, so that most weights are where pruning and quantization work best.
Large images get more blocks than a size has, until little is left to average: else a convolution sees too little of an
image to tell shapes from colours, and the average of many places says little of any.
With `residual` it is a ResNet (He et al. 2016); of three blocks, about MLPerf Tiny's ResNet-8, and with three `blocks`
of each width a ResNet-20.
"""

from math import ceil, log2

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import conv_batch_norm, residual_block, vgg_block
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head
from tfopt.models.inputs import add_channel_axis, input_tensor, pool, to_sequence
from tfopt.models.signature import Signature

SIZES: Sizes = {"tiny": Dimensions(8, 3), "small": Dimensions(16, 3), "base": Dimensions(32, 4)}
LEAST_SIZE = 3
MOST_AVERAGED = 4  # rows or columns
MOST_DOUBLINGS = 3  # of the width


def cnn(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build a CNN with `width` filters in the first of at most `depth` blocks.

    For tokens it is `depth` convolutions (by default one) over their embeddings and the maximum of each (Kim 2014).
    """
    size = resolve_dimensions(config, SIZES)
    inputs = input_tensor(signature)
    x = add_channel_axis(inputs) if signature.kind == "image" else to_sequence(inputs, signature, size.width)
    if config.residual:
        x = _residual_blocks(x, size, config.blocks)
    elif signature.kind == "tokens":
        for layer in range(1, (config.depth or 1) + 1):
            x = layers.Conv1D(size.width * 2, 5, padding="same", activation="relu", name=f"conv{layer}")(x)
    else:
        x = _vgg_blocks(x, size, config.depth or _blocks(x, size))
    return add_head(inputs, pool(x, signature), signature, size.dropout, "cnn")


def _blocks(x: keras.KerasTensor, size: Dimensions) -> int:
    """Return how many blocks, each of which halves it, an image needs; a sequence has as many as the size says."""
    least = min(x.shape[1:-1]) if len(x.shape) == 4 else 1
    return max(size.depth, ceil(log2((least + 1) / (MOST_AVERAGED + 1))))


def _vgg_blocks(x: keras.KerasTensor, size: Dimensions, blocks: int) -> keras.KerasTensor:
    for block in range(blocks):
        x = vgg_block(x, size.width * 2 ** min(block, MOST_DOUBLINGS), block + 1)
        if min(x.shape[1:-1]) < LEAST_SIZE:
            break
    return x


def _residual_blocks(x: keras.KerasTensor, size: Dimensions, blocks: int) -> keras.KerasTensor:
    x = conv_batch_norm(x, size.width, "stem")
    for stage in range(size.depth):
        width = size.width * 2**stage
        x = residual_block(x, width, str(stage + 1), stride=2 if stage else 1)
        for more in range(2, blocks + 1):
            x = residual_block(x, width, f"{stage + 1}_{more}", stride=1)
        if min(x.shape[1:-1]) < LEAST_SIZE:
            break
    return x
