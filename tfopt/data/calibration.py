"""Samples to calibrate on: from a data set's calibration split, an array file, or a folder of images or sounds.

They are checked first. The test split is never among them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfopt.data.array_files import read_npy, read_npz
from tfopt.data.audio_folders import WAV, read_sounds
from tfopt.data.class_folders import list_files
from tfopt.data.dataset import Dataset, Split
from tfopt.data.image_files import decode_image
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.scaling import IDENTITY
from tfopt.errors import InputError
from tfopt.typing import Array

Shape = tuple[int | None, ...]
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
MOST_SEEN = 2000  # training samples whose range is looked at
RANGE_FACTOR = 8  # values spread this many times wider or narrower than the training data are scaled differently


class Calibration(NamedTuple):
    """Samples to calibrate on: an array (N, ...) for each input of the model, in their order, and notes."""

    arrays: list[Array]
    notes: list[str]


class InputSpec(NamedTuple):
    """One input of a model: its name, shape (batch axis first) and type."""

    name: str
    shape: Shape
    dtype: str


def load_calibration(
    source: int | Path | None,
    inputs: Sequence[InputSpec],
    data: Dataset | None,
    memory: Preprocessor | None,
    title: str,
) -> Calibration:
    """Take samples to calibrate on from the data set, from a file or from a folder, and check that they fit.

    Args:
        source: How many samples of `data`; a file with an array for each input, by its name and scaled as the model is
            fed; or a folder of images or sounds. None takes the calibration split.
        inputs: The inputs of the model.
        data: The data set of the model, if it is known.
        memory: What the model remembers of how images or sounds of a folder are prepared, if it does.
        title: The name of the model in messages.

    Returns:
        The samples; no arrays if there is neither a source nor data.

    Raises:
        InputError: If they do not fit the model or cannot be what it was trained on.
    """
    if isinstance(source, Path):
        memory = memory or Preprocessor()
        arrays = _read_folder(source, inputs, memory, title) if source.is_dir() else _read_file(source, inputs, title)
        found = Calibration(arrays, [f"calibrated on {len(arrays[0])} samples of {source}"])
    elif data is None:
        return Calibration([], [])
    else:
        found = _take_from_data(data, source)
    for array, expected in zip(found.arrays, inputs, strict=True):
        _check_samples(array, expected, data if len(inputs) == 1 else None, title)
    return found


def _take_from_data(data: Dataset, count: int | None) -> Calibration:
    split, where = data.calibration, "of the calibration split"
    if count is not None and count > len(split):
        split, where = _extend(split, data.train, count), "of the calibration and train splits"
    elif count is not None:
        split = split.sample(count)
    missing = data.num_classes - len(np.unique(split.y)) if data.task == "classification" else 0
    notes = [f"activation ranges calibrated on {len(split)} samples {where}"]
    if missing:
        notes.append(f"{missing} of {data.num_classes} classes have no sample to calibrate on")
    return Calibration([np.asarray(x) for x in split.inputs], notes)


def _extend(split: Split, train: Split, count: int) -> Split:
    """Return all of `split` and a sample of `train` that makes them `count`."""
    if count > len(split) + len(train):
        there = len(split) + len(train)
        raise InputError(f"`calibration` {count} asks for more samples than the {there} there are to calibrate on")
    more = train.sample(count - len(split))
    pairs = zip(split.inputs, more.inputs, strict=True)
    return Split(tuple(np.concatenate(pair) for pair in pairs), np.concatenate([split.y, more.y]))


def _read_file(path: Path, inputs: Sequence[InputSpec], title: str) -> list[Array]:
    if not path.exists():
        raise InputError(f"{path} does not exist; `calibration` takes a number, an .npz or .npy file, or a folder")
    arrays = {"": read_npy(path)} if path.suffix == ".npy" else read_npz(path)
    if len(inputs) == 1 and inputs[0].name not in arrays:
        only = {name: array for name, array in arrays.items() if name not in ("y", "labels")}
        if len(only) == 1:
            return list(only.values())
    missing = [given.name for given in inputs if given.name not in arrays]
    if missing:
        raise InputError(
            f"{path} has no array for {', '.join(missing)} of {title}; it has {', '.join(sorted(arrays)) or 'none'}"
        )
    return [arrays[given.name] for given in inputs]


def _read_folder(folder: Path, inputs: Sequence[InputSpec], memory: Preprocessor, title: str) -> list[Array]:
    """Return the images of a folder as a model with one input is fed, or the spectrograms of its sounds."""
    noun, suffixes = ("sound", WAV) if memory.log_mel else ("image", IMAGES)
    [only, *more] = inputs
    if more or len(only.shape) != 4 or None in only.shape[1:]:
        raise InputError(f"{folder} is a folder of {noun}s, but {title} does not take one {noun} of a fixed size")
    paths = [path for path in list_files(folder, folder) if path.suffix.lower() in suffixes]
    if not paths:
        raise InputError(f"{folder} holds no {noun} ({', '.join(suffixes)})")
    raw = np.asarray(memory.log_mel(read_sounds(paths)[0])) if memory.log_mel else _read_images(paths, only, memory)
    return [(memory.scaling or IDENTITY)(raw)]


def _read_images(paths: Sequence[Path], wanted: InputSpec, memory: Preprocessor) -> Array:
    import tensorflow as tf

    _, height, width, channels = wanted.shape
    images = []
    for path in paths:
        image = decode_image(path.read_bytes(), str(path), channels=channels or 0, otherwise="is no image")
        images.append((memory.resizing(image) if memory.resizing else tf.image.resize(image, (height, width))).numpy())
    return np.stack(images)


def _check_samples(array: Array, expected: InputSpec, data: Dataset | None, title: str) -> None:
    name = f"the calibration samples of {title} for {expected.name}"
    if array.ndim == 0 or not len(array):
        raise InputError(f"{name} are none: the array is empty")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} are of type {array.dtype}; numbers are needed")
    if array.dtype.kind == "f" and expected.dtype.startswith("int"):
        raise InputError(f"{name} are of type {array.dtype}, but it takes {expected.dtype}")
    wanted = expected.shape[1:]
    given = array.shape[1:]
    if len(given) != len(wanted) or any(w not in (None, g) for g, w in zip(given, wanted, strict=True)):
        raise InputError(f"{name} have shape {given}, but it takes {wanted}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} hold NaN or infinity")
    if data is None:
        return
    seen = data.train.sample(MOST_SEEN).x
    low, high = float(seen.min()), float(seen.max())
    found_low, found_high = float(array.min()), float(array.max())
    ratio = max(abs(found_low), abs(found_high)) / max(abs(low), abs(high), 1e-9)
    if not 1 / RANGE_FACTOR <= ratio <= RANGE_FACTOR:
        raise InputError(
            f"{name} lie between {found_low:g} and {found_high:g}, but it was trained on {low:g} to {high:g}: they are"
            " not scaled as it was trained"
        )
