"""A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with batch normalization, which answers an image with an image.

On the way down two convolutions and a halving of the size see more of the image from block to block; on the way up each
doubling of the size is joined by what was there before the halving, so that edges are where they were. Sizes that
cannot be halved so often are padded with zeros at the edges, and the answer is cut to the size of the image.
"""

import keras
from keras import layers

from tfopt.errors import InputError
from tfopt.models.config import ModelConfig
from tfopt.models.conv_blocks import conv_batch_norm
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_map_head
from tfopt.models.inputs import add_channel_axis, input_tensor
from tfopt.models.signature import Signature

SIZES: Sizes = {
    "tiny": Dimensions(6, 2, dropout=0.1),
    "small": Dimensions(8, 3, dropout=0.1),
    "base": Dimensions(24, 3, dropout=0.1),
}
LEAST_SIZE = 4  # of what is halved


def unet(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build a U-Net with `width` filters in the first of at most `depth` blocks, and twice as many in each next.

    It gives the probabilities (N, H, W, K) of the classes of each pixel, or numbers (N, H, W, C).

    Raises:
        InputError: If the answers are no images of the size of the inputs.
    """
    _check(signature)
    size = resolve_dimensions(config, SIZES)
    inputs = input_tensor(signature)
    depth = _depth(signature.shape[:2], size.depth)
    padding = [_split(-edge % 2**depth) for edge in signature.shape[:2]]
    x = add_channel_axis(inputs)
    x = layers.ZeroPadding2D(padding, name="pad")(x) if any(map(sum, padding)) else x
    x = _down_and_up(x, size, depth)
    x = layers.Cropping2D(padding, name="crop")(x) if any(map(sum, padding)) else x
    return add_map_head(inputs, x, signature, "unet")


def _down_and_up(x: keras.KerasTensor, size: Dimensions, depth: int) -> keras.KerasTensor:
    passed = []
    for block in range(1, depth + 1):
        x = _block(x, size.width * 2 ** (block - 1), f"down{block}")
        passed.append(x)
        x = layers.MaxPooling2D(name=f"pool{block}")(x)
    x = _block(x, size.width * 2**depth, "bottom")
    x = layers.Dropout(size.dropout, name="dropout")(x) if size.dropout else x
    for block in range(depth, 0, -1):
        width = size.width * 2 ** (block - 1)
        x = conv_batch_norm(layers.UpSampling2D(name=f"double{block}")(x), width, f"up{block}")
        x = _block(layers.Concatenate(name=f"join{block}")([passed[block - 1], x]), width, f"up{block}_")
    return x


def _block(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    for half in "ab":
        x = conv_batch_norm(x, width, f"{name}{half}")
    return x


def _depth(size: tuple[int, ...], most: int) -> int:
    """Return how many times an image is halved, until little is left of it."""
    depth = 1
    while depth < most and min(size) >> depth >= LEAST_SIZE:
        depth += 1
    return depth


def _split(more: int) -> tuple[int, int]:
    """Share what is padded between both sides."""
    return more // 2, more - more // 2


def _check(signature: Signature) -> None:
    if signature.outputs[:2] != signature.shape[:2]:
        raise InputError(
            f"`arch` unet answers an image with one of its size, but the images have {_pixels(signature.shape)} pixels"
            f" and their targets {_pixels(signature.outputs)}"
        )


def _pixels(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[:2]))
