"""Folders of images, one for each class: held in memory if they are small, else decoded whenever they are needed.

Every file is decoded once while loading, so that a damaged one is named before a training begins.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.lazy_images import LazyImages
from tfopt.data.raw_data import RawData
from tfopt.data.splits import parse_split_name
from tfopt.errors import InputError
from tfopt.typing import Array
from tfopt.untrusted.images import check_pixels

MOST_FED = 2_100_000  # pixels of an image, as 1920x1080 has: a batch of 64 takes 1.6 GB
MOST_AT_ONCE = 4  # images that are decoded, as each may take 300 MB
BESIDE = (".csv", ".db", ".html", ".ini", ".json", ".md", ".tsv", ".txt", ".xml", ".yaml", ".yml", ".zip")  # no images
MOST_HELD = 256_000_000  # bytes of all images as float32, as a model is fed


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


def load_image_folder(root: Path, config: DataConfig, names: tuple[str, ...] | None) -> RawData:
    """Load the images below `root`, which holds a folder a class, or `train`, `test` and perhaps `validation` that do.

    Args:
        root: The folder.
        config: The config; `image_size` says how large they are fed.
        names: The classes that a model remembers; None takes the names of the folders.

    Returns:
        8-bit images (N, height, width, 1 or 3), grey only if all are; decoded as they are needed if they are many.

    Raises:
        InputError: If there is no image, one is damaged or too large, or a class is unknown.
    """
    if config.task not in (None, "classification"):
        raise InputError(f"`task` {config.task} does not suit {root}, a folder of images by class")
    parts = [parse_split_name(path.name) for path in _list_folders(root)]
    divided = "train" in parts and None not in parts
    parents = _list_folders(root) if divided else [root]
    classes = names or _find_classes(root, parents)
    listed = [
        (path, classes.index(label), parse_split_name(parent.name) if divided else None)
        for parent in parents
        for label, path in _list_labelled_files(root, parent, classes)
    ]
    found = [item for item in listed if item[0].suffix.lower() not in BESIDE]
    if not found:
        raise InputError(f"{root} holds no image")
    for path, _, _ in found:
        if not str(path).isprintable():
            raise InputError(f"{str(path)!r} has a name that is not in UTF-8 or cannot be printed; rename it")
    paths, labels, part_of = (np.array(column) for column in zip(*((str(p), y, s) for p, y, s in found), strict=True))
    images = _make_images(paths, config)
    held = int(np.prod(images.shape)) * np.dtype(np.float32).itemsize <= MOST_HELD
    notes = _note_left_out([path for path, _, _ in listed if path.suffix.lower() in BESIDE], root)
    if not held:
        size = f"{len(images):,} images of {images.shape[1]}x{images.shape[2]} pixels"
        notes.append(f"{size} are decoded from their files whenever they are needed")
    return RawData(
        images[:] if held else cast(Array, images), labels, kind="image", peak=255, scale="unit",
        parts=part_of if divided else None, class_names=classes,
        notes=tuple(notes),
    )  # fmt: skip


def _list_folders(path: Path) -> list[Path]:
    """Return the folders in `path` but for hidden ones and links: one to a parent would be all classes at once."""
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith("."))


def _find_classes(root: Path, parents: list[Path]) -> tuple[str, ...]:
    classes = tuple(sorted({path.name for parent in parents for path in _list_folders(parent)}))
    if not classes:
        raise InputError(f"{root} holds no folder of images for each class, nor train and test folders that do")
    return classes


def _list_labelled_files(root: Path, inside: Path, classes: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield class and path of the files below `inside`; hidden ones and links that lead out of `root` are left out."""
    for parent in _list_folders(inside):
        if parent.name not in classes:
            raise InputError(f"{parent} is a class that the model does not know: {', '.join(classes[:10])}")
        yield from ((parent.name, path) for path in list_files(parent, root))


def _note_left_out(paths: list[Path], root: Path) -> list[str]:
    if not paths:
        return []
    count = "1 file that is no image was" if len(paths) == 1 else f"{len(paths):,} files that are no images were"
    return [f"{count} left out, the first {paths[0].relative_to(root)}"]


def list_files(folder: Path, root: Path) -> list[Path]:
    """List the files below `folder`, in order; hidden ones, devices and links that lead out of `root` are left out."""
    whole = root.resolve()
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and path.resolve().is_relative_to(whole)
    ]


def _make_images(paths: Array, config: DataConfig) -> LazyImages:
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        seen = list(pool.map(read_image_info, map(Path, paths)))
    size = (config.image_size, config.image_size) if config.image_size else (seen[0].height, seen[0].width)
    if size[0] * size[1] > MOST_FED:
        raise InputError(
            f"images would be fed at {size[0]:,}x{size[1]:,} pixels, more than a batch can hold; `image_size` 224, for"
            " instance, makes them smaller"
        )
    channels = 1 if all(image.grey for image in seen) else 3
    digest = hashlib.sha256(b"".join(image.digest for image in seen)).hexdigest()
    return LazyImages(paths, (*size, channels), digest)


def read_image_info(path: Path) -> ImageInfo:
    """Decode a file once; raise `InputError` if it is no image or holds too many pixels."""
    import tensorflow as tf

    content = path.read_bytes()
    check_pixels(content, str(path))
    try:
        image = tf.io.decode_image(content, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        raise InputError(f"{path} is no image (PNG, JPEG, BMP, GIF or WebP) or is damaged") from error
    height, width, channels = image.shape
    return ImageInfo(height, width, channels < 3, hashlib.sha256(content).digest())
