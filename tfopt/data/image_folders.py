"""Folders of images, one for each class: held in memory if they are small, else decoded whenever they are needed.

Every file is decoded once while loading, so that a damaged one is named before a training begins.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, cast

from tfopt.data.class_folders import list_class_files
from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.image_files import decode_image
from tfopt.data.lazy_arrays import is_large
from tfopt.data.lazy_images import LazyImages
from tfopt.data.raw_data import RawData
from tfopt.data.resizing import Resizing
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_FED = 2_100_000  # pixels of an image, as 1920x1080 has: a batch of 64 takes 1.6 GB
MOST_AT_ONCE = 4  # images that are decoded, as each may take 300 MB


class ImageInfo(NamedTuple):
    """Facts about an image file, seen when it was decoded once: its size in pixels, its colours and its SHA-256."""

    height: int
    width: int
    grey: bool
    digest: bytes


class ImageFolderFormat(DataFormat):
    """Folders of images, one for each class."""

    name = "images"
    title = "a folder of images"

    def suits(self, path: Path) -> bool:
        """Take any folder: what is in it is looked at while it is read."""
        return path.is_dir()

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData:
        """Load the images as `load_image_folder` does."""
        return load_image_folder(path, config, class_names)


def load_image_folder(
    root: Path, config: DataConfig, names: tuple[str, ...] | None, resizing: Resizing | None = None
) -> RawData:
    """Load the images below `root`, which holds a folder a class, or `train`, `test` and perhaps `validation` that do.

    Args:
        root: The folder.
        config: The config; `image_size` says how large they are fed.
        names: The classes that a model remembers; None takes the names of the folders.
        resizing: How a model remembers that they were resized; `config.image_size` comes before it.

    Returns:
        8-bit images (N, height, width, 1 or 3), grey only if all are; decoded as they are needed if they are many.

    Raises:
        InputError: If there is no image, one is damaged or too large, or a class is unknown.
    """
    found = list_class_files(root, config, names, "image")
    images = make_images(found.paths, config, None if config.image_size else resizing)
    held = not is_large(images.shape)
    notes = [*found.notes]
    if not held:
        size = f"{len(images):,} images of {images.shape[1]}x{images.shape[2]} pixels"
        notes.append(f"{size} are decoded from their files whenever they are needed")
    return RawData(
        images[:] if held else cast(Array, images), found.labels, kind="image", peak=255, scale="unit",
        parts=found.parts, class_names=found.class_names, notes=tuple(notes),
    )  # fmt: skip


def make_images(paths: Array, config: DataConfig, resizing: Resizing | None) -> LazyImages:
    """Make the images at `paths` (N,), each of which is decoded once; raise `InputError` if one cannot be fed."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        seen = list(pool.map(read_image_info, map(Path, paths)))
    digest = hashlib.sha256(b"".join(image.digest for image in seen)).hexdigest()
    if resizing:
        return LazyImages(paths, resizing.size, digest, resizing=resizing)
    size = (config.image_size, config.image_size) if config.image_size else (seen[0].height, seen[0].width)
    if size[0] * size[1] > MOST_FED:
        raise InputError(
            f"images would be fed at {size[0]:,}x{size[1]:,} pixels, more than a batch can hold; `image_size` 224, for"
            " instance, makes them smaller"
        )
    channels = 1 if all(image.grey for image in seen) else 3
    return LazyImages(paths, (*size, channels), digest)


def read_image_info(path: Path) -> ImageInfo:
    """Decode a file once; raise `InputError` if it is no image or holds too many pixels."""
    content = path.read_bytes()
    height, width, channels = decode_image(content, str(path)).shape
    return ImageInfo(height, width, channels < 3, hashlib.sha256(content).digest())
