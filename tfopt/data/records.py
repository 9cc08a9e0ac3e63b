"""Records of a sample each, as columns that were read from files: images, texts or numbers with their labels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.image_files import decode_image
from tfopt.data.image_folders import MOST_FED
from tfopt.data.npz import named_arrays
from tfopt.data.raw_data import RawData
from tfopt.data.series import Series
from tfopt.data.table_format import take_from_table
from tfopt.data.tables import table_of
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_BYTES = 8 * 10**9
SPLIT = "split"


def take_from_records(
    x: Array, y: Array, parts: Array | None, title: str, config: DataConfig, class_names: tuple[str, ...] | None
) -> RawData | Series:
    """Take samples with labels from columns.

    Args:
        x: Texts (N,), or numbers (N, ...).
        y: Labels (N,) or (N, ...): numbers or words.
        parts: "train", "validation" or "test" (N,), if the records say so.
        title: What messages call them.
        config: The config.
        class_names: The classes that a model remembers.

    Raises:
        InputError: If they do not suit each other or the config.
    """
    if x.dtype.kind not in "fiub":
        if y.ndim != 1:
            raise InputError(f"{title} has labels of shape {y.shape[1:]} for texts; one label each is needed")
        columns = {"text": x, "label": y} | ({} if parts is None else {SPLIT: parts})
        return take_from_table(table_of(title, columns), config, class_names)
    found = named_arrays({"x": x, "y": y}, title, config, class_names)
    assert isinstance(found, RawData)
    return replace(found, parts=parts)


def name_classes(indices: Array, names: Sequence[str], title: str) -> Array:
    """Return the names (N,) of classes; raise `InputError` for an index that has none."""
    wrong = np.flatnonzero((indices < 0) | (indices >= len(names)))
    if len(wrong):
        raise InputError(
            f"{title}: record {wrong[0] + 1} has the label {indices[wrong[0]]}, but there are {len(names)} classes"
        )
    return np.array(names)[indices]


def decode_images(contents: Sequence[bytes], size: int | None, title: str) -> Array:
    """Decode PNG, JPEG, BMP, GIF or WebP files, all resized to squares of `size` pixels or as the first.

    Returns:
        8-bit images (N, height, width, 1 or 3), grey only if the first is.

    Raises:
        InputError: If one is damaged or too large, or all are too much to hold.
    """
    import tensorflow as tf

    first = _decode(contents[0], 0, f"{title}: record 1")
    height, width = (size, size) if size else first.shape[:2]
    channels = 1 if first.shape[2] < 3 else 3
    count = len(contents) * height * width * channels
    if height * width > MOST_FED or count > MOST_BYTES:
        raise InputError(
            f"{title}: {len(contents):,} images of {height:,}x{width:,} pixels are more than can be held; `image_size`"
            " 224, for instance, makes them smaller"
        )
    found = np.empty((len(contents), height, width, channels), np.uint8)
    for row, content in enumerate(contents):
        image = _decode(content, channels, f"{title}: record {row + 1}")
        if image.shape[:2] != (height, width):
            resized = tf.round(tf.image.resize(image, (height, width), antialias=True))
            image = tf.saturate_cast(resized, tf.uint8).numpy()
        found[row] = image
    return found


def _decode(content: bytes, channels: int, name: str) -> Array:
    otherwise = "holds no image (PNG, JPEG, BMP, GIF or WebP)"
    found: Array = decode_image(content, name, channels=channels, otherwise=otherwise).numpy()
    return found
