"""Files of masks: each grey value or colour of a pixel is a class, and resizing takes the nearest pixel."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfopt.data.image_files import decode_image
from tfopt.errors import InputError
from tfopt.typing import Tensor

MOST_CLASSES = 256
GREY = 0x010101  # times a grey value is the same as a colour


class MaskInfo(NamedTuple):
    """Facts about a mask: its size in pixels, its values as colours, and its SHA-256."""

    height: int
    width: int
    values: frozenset[int]
    digest: bytes


def read_mask_info(path: Path) -> MaskInfo:
    """Decode a mask once; raise `InputError` if it is no image, or has so many values that it is a picture."""
    content = path.read_bytes()
    image = decode_image(content, str(path), otherwise="is no image (PNG, BMP, GIF or WebP)")
    values = np.unique(_colours(image).numpy())
    if len(values) > MOST_CLASSES:
        raise InputError(
            f"{path} has {len(values):,} colours and is no mask but a picture; a mask has one grey value or colour for"
            " each class, and is no JPEG"
        )
    height, width, _ = image.shape
    return MaskInfo(height, width, frozenset(values.tolist()), hashlib.sha256(content).digest())


def name_value(value: int) -> str:
    """Name the class of a grey value or a colour.

    >>> name_value(255 * GREY), name_value(0xFF0000)
    ('255', '#ff0000')
    """
    return f"#{value:06x}" if value % GREY else str(value // GREY)


def parse_names(names: Sequence[str]) -> tuple[int, ...]:
    """Return the values of classes that are named so; words stand for the indices of classes.

    >>> parse_names(("0", "#ff0000", "tree")) == (0, 0xFF0000, 2 * GREY)
    True
    """
    return tuple(
        int(name[1:], 16) if name.startswith("#") else (int(name) if name.isdecimal() else index) * GREY
        for index, name in enumerate(names)
    )


@cache
def make_mask_decoder(size: tuple[int, ...], values: tuple[int, ...]) -> Any:
    """Make a function of paths (N,) that decodes those masks to classes (N, height, width), places in `values`."""
    import tensorflow as tf

    order = np.argsort(values)
    ordered, classes = np.array(values, np.int32)[order], order.astype(np.uint8)  # a tensor would belong to one graph

    def one(path: Tensor) -> Tensor:
        image = tf.io.decode_image(tf.io.read_file(path), expand_animations=False)
        image.set_shape((None, None, None))
        colours = tf.image.resize(_colours(image)[..., tf.newaxis], size, method="nearest")[..., 0]
        places = tf.searchsorted(tf.constant(ordered), tf.reshape(colours, [-1]))
        return tf.reshape(tf.gather(tf.constant(classes), tf.minimum(places, len(values) - 1)), size)

    def many(paths: Tensor) -> Tensor:
        return tf.map_fn(one, paths, fn_output_signature=tf.TensorSpec(size, tf.uint8))

    return tf.function(many, input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)


def _colours(image: Tensor) -> Tensor:
    """Return pixels (H, W, 1 to 4) as numbers (H, W) 0xRRGGBB; transparency does not count."""
    import tensorflow as tf

    image = tf.cast(image, tf.int32)
    coloured = tf.shape(image)[-1] >= 3
    red, blue = image[..., 0], tf.where(coloured, tf.gather(image, tf.where(coloured, 2, 0), axis=-1), image[..., 0])
    green = tf.where(coloured, tf.gather(image, tf.where(coloured, 1, 0), axis=-1), red)
    return red * 0x10000 + green * 0x100 + blue
