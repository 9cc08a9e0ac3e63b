"""Records of a sample each, as columns that were read from files: images, texts or numbers with their labels."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.image_files import decode_image
from tfopt.data.image_folders import MOST_FED
from tfopt.data.npz import named_arrays
from tfopt.data.raw_data import RawData
from tfopt.data.series import Series
from tfopt.data.stored_arrays import RowCollector
from tfopt.data.table_format import take_from_table
from tfopt.data.tables import table_of
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_BYTES = 8 * 10**9  # of what is held
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
    labels = np.asarray(y) if y.ndim < 3 else y
    found = named_arrays({"x": x, "y": labels}, title, config, class_names)
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


class ImageRecords:
    """Images of records, decoded one after the other: many of them into a temporary file.

    All are resized to squares of `size` pixels, or as the first.

    Attributes:
        count: How many there are so far.
    """

    def __init__(self, size: int | None, title: str) -> None:
        """Begin with no images; messages call them `title`."""
        self._size, self._title, self.count = size, title, 0
        self._shape: tuple[int, int, int] | None = None
        self._collector = RowCollector()

    def append(self, contents: Iterable[bytes]) -> None:
        """Add PNG, JPEG, BMP, GIF or WebP files; raise `InputError` if one is damaged or too large."""
        images = [self._read(content) for content in contents]
        if images:
            self._collector.append(np.stack(images))

    def finish(self) -> Array:
        """Return 8-bit images (N, height, width, 1 or 3), grey only if the first is."""
        return self._collector.finish()

    def _read(self, content: bytes) -> Array:
        import tensorflow as tf

        self.count += 1
        name = f"{self._title}: record {self.count}"
        self._shape = self._shape or self._find_shape(content, name)
        height, width, channels = self._shape
        image = _decode(content, channels, name)
        if image.shape[:2] != (height, width):
            resized = tf.round(tf.image.resize(image, (height, width), antialias=True))
            image = tf.saturate_cast(resized, tf.uint8).numpy()
        return image

    def _find_shape(self, content: bytes, name: str) -> tuple[int, int, int]:
        first = _decode(content, 0, name)
        height, width = (self._size, self._size) if self._size else first.shape[:2]
        if height * width > MOST_FED:
            raise InputError(
                f"{self._title}: images would be fed at {height:,}x{width:,} pixels, more than a batch can hold;"
                " `image_size` 224, for instance, makes them smaller"
            )
        return height, width, 1 if first.shape[2] < 3 else 3


def _decode(content: bytes, channels: int, name: str) -> Array:
    otherwise = "holds no image (PNG, JPEG, BMP, GIF or WebP)"
    found: Array = decode_image(content, name, channels=channels, otherwise=otherwise).numpy()
    return found
