"""Folders `images` and `masks` with files of the same names, or `train`, `test` and `validation` that hold such."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from tfopt.data.class_folders import BESIDE, list_files, list_folders
from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.image_folders import MOST_AT_ONCE, make_images, read_image_info
from tfopt.data.lazy_arrays import is_large
from tfopt.data.lazy_images import LazyImages
from tfopt.data.mask_files import GREY, MOST_CLASSES, MaskInfo, name_value, parse_names, read_mask_info
from tfopt.data.raw_data import RawData
from tfopt.data.splits import parse_split_name
from tfopt.errors import InputError
from tfopt.typing import Array

IMAGES, MASKS = "images", "masks"
SPARSE = 2  # grey values that go up to so many times their number are no class indices


class Pair(NamedTuple):
    """An image, its mask, and the split that their folder says."""

    image: Path
    mask: Path
    part: str | None


class MaskFolderFormat(DataFormat):
    """Folders of images with their masks."""

    name = "masks"
    title = "a folder with the folders images and masks"

    def suits(self, path: Path) -> bool:
        """Take a folder that has both, or whose `train` and other splits have."""
        return path.is_dir() and bool(_list_parents(path))

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData:
        """Load the images as `load_mask_folder` does."""
        return load_mask_folder(path, config, class_names)


def load_mask_folder(root: Path, config: DataConfig, names: tuple[str, ...] | None) -> RawData:
    """Load images and their masks.

    Args:
        root: The folder.
        config: The config; `image_size` says how large both are fed.
        names: The classes that a model remembers; None takes the values of the masks.

    Returns:
        8-bit images (N, height, width, 1 or 3) and classes (N, height, width), decoded as needed if they are many.

    Raises:
        InputError: If an image has no mask, or one of another size or of an unknown class, or a file is damaged.
    """
    if config.task not in (None, "segmentation"):
        raise InputError(f"`task` {config.task} does not suit {root}, a folder of images and masks")
    pairs, notes = _list_pairs(root)
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        seen = list(pool.map(_read_pair, pairs))
    values, classes = _find_classes(pairs, seen, names)
    images = make_images(np.array([str(pair.image) for pair in pairs]), config, None)
    digest = hashlib.sha256(b"".join(mask.digest for mask in seen)).hexdigest()
    paths = np.array([str(pair.mask) for pair in pairs])
    masks = LazyImages(paths, images.shape[1:3], digest, values=values)
    held = not is_large(images.shape)
    if not held:
        size = f"{len(images):,} images of {images.shape[1]}x{images.shape[2]} pixels"
        notes.append(f"{size}, and their masks, are decoded from their files whenever they are needed")
    divided = pairs[0].part is not None
    return RawData(
        images[:] if held else cast(Array, images), masks[:] if held else cast(Array, masks),
        kind="image", peak=255, scale="unit", task="segmentation", class_names=classes,
        parts=np.array([pair.part for pair in pairs]) if divided else None, notes=tuple(notes),
    )  # fmt: skip


def _list_parents(root: Path) -> list[tuple[Path, str | None]]:
    """Return the folders that hold `images` and `masks`, with their splits."""
    if (root / IMAGES).is_dir() and (root / MASKS).is_dir():
        return [(root, None)]
    parts = [(path, parse_split_name(path.name)) for path in list_folders(root)]
    whole = all(part and (path / IMAGES).is_dir() and (path / MASKS).is_dir() for path, part in parts)
    return [*parts] if whole and any(part == "train" for _, part in parts) else []


def _list_pairs(root: Path) -> tuple[list[Pair], list[str]]:
    """Return all images with their masks, and a note on masks that belong to none."""
    pairs: list[Pair] = []
    alone = 0
    for parent, part in _list_parents(root):
        masks = _by_stem(parent / MASKS, root)
        images = _by_stem(parent / IMAGES, root)
        for stem, image in images.items():
            if stem not in masks:
                raise InputError(f"{image} has no mask: {parent / MASKS} holds no {stem}.png")
            pairs.append(Pair(image, masks[stem], part))
        alone += len(masks.keys() - images.keys())
    if not pairs:
        raise InputError(f"{root} holds no image in {IMAGES}")
    notes = [f"{alone} mask{'s' * (alone > 1)} without an image of the same name left out"] if alone else []
    return pairs, notes


def _by_stem(folder: Path, root: Path) -> dict[str, Path]:
    """Return the files below a folder by their path in it without a suffix."""
    found: dict[str, Path] = {}
    for path in list_files(folder, root):
        if path.suffix.lower() in BESIDE:
            continue
        if not str(path).isprintable():
            raise InputError(f"{str(path)!r} has a name that is not in UTF-8 or cannot be printed; rename it")
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise InputError(f"{path} and {found[stem].name} have the same name: nobody knows which is meant")
        found[stem] = path
    return found


def _read_pair(pair: Pair) -> MaskInfo:
    image, mask = read_image_info(pair.image), read_mask_info(pair.mask)
    if (image.height, image.width) != (mask.height, mask.width):
        raise InputError(
            f"{pair.mask} has {mask.height}x{mask.width} pixels, but {pair.image} {image.height}x{image.width}: a mask"
            " has the size of its image"
        )
    return mask


def _find_classes(
    pairs: Sequence[Pair], seen: Sequence[MaskInfo], names: tuple[str, ...] | None
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the values of the classes, and their names: those that are known, or what the train masks have."""
    taught = [info.values for pair, info in zip(pairs, seen, strict=True) if pair.part in (None, "train")]
    found = sorted(frozenset().union(*taught))
    if names:
        found = [*parse_names(names)]
    elif len(found) < 2:
        raise InputError(f"{pairs[0].mask.parent}: the masks have one class only ({name_value(found[0])})")
    elif len(found) > MOST_CLASSES:
        raise InputError(f"{pairs[0].mask.parent}: the masks have {len(found):,} values and are no masks but pictures")
    elif not any(value % GREY for value in found) and found[-1] // GREY < SPARSE * len(found):
        found = [value * GREY for value in range(found[-1] // GREY + 1)]  # class indices already
    classes = names or tuple(map(name_value, found))
    for pair, info in zip(pairs, seen, strict=True):
        if unknown := info.values - {*found}:
            raise InputError(
                f"{pair.mask} has the value {name_value(min(unknown))}, which is no class: {', '.join(classes[:10])}"
            )
    return tuple(found), classes
