"""Data sets of `tensorflow_datasets`, the optional extra `tfds`: images or texts with a label each."""

import importlib
from collections.abc import Iterable

import numpy as np

from tfopt.data.config import TFDS, DataConfig
from tfopt.data.raw_data import RawData
from tfopt.errors import InputError
from tfopt.typing import Array


def load_tfds(config: DataConfig) -> RawData:
    """Load `tfds:NAME`, which tensorflow_datasets may download; raise `InputError` if it cannot be had or read."""
    name = config.source.removeprefix(TFDS)
    try:
        tfds = importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        raise InputError(f"{config.source} needs the package tensorflow_datasets: pip install 'tfopt[tfds]'") from error
    try:
        splits, info = tfds.load(name, as_supervised=True, with_info=True)
    except Exception as error:  # an unknown name, no connection, no supervised keys: each has an error of its own
        line = " ".join(str(error).split())[:200]
        raise InputError(f"{config.source} cannot be loaded by tensorflow_datasets: {line}") from error
    if "train" not in splits:
        raise InputError(f"{config.source} has no split train; it has {', '.join(splits)}")
    label = info.features[info.supervised_keys[1]]
    x, y = _to_arrays(tfds.as_numpy(splits["train"]), config)
    test = _to_arrays(tfds.as_numpy(splits["test"]), config) if "test" in splits else (None, None)
    names = tuple(label.names) if getattr(label, "names", None) else None
    if x.dtype.kind == "O":
        return RawData(x, y, *test, kind="tokens", class_names=names)
    return RawData(x, y, *test, kind="image", peak=255, scale="unit", class_names=names)


def _to_arrays(samples: Iterable[tuple[Array | bytes, int]], config: DataConfig) -> tuple[Array, Array]:
    xs, ys = zip(*samples, strict=True)
    y = np.asarray(ys)
    if isinstance(xs[0], bytes | str):
        x = np.empty(len(xs), object)
        x[:] = [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in xs]
        return x, y
    if not isinstance(xs[0], np.ndarray) or xs[0].ndim != 3:
        raise InputError(f"{config.source} has samples that are neither images nor texts")
    return np.stack([_resize(image, config, xs[0].shape) for image in xs]), y


def _resize(image: Array, config: DataConfig, first: tuple[int, ...]) -> Array:
    import tensorflow as tf

    size = (config.image_size, config.image_size) if config.image_size else first[:2]
    if image.shape[:2] == size:
        return image
    found: Array = tf.cast(tf.round(tf.image.resize(image, size, antialias=True)), tf.uint8).numpy()
    return found
