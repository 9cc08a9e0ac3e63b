"""A name or a path becomes a `Dataset`: scikit-learn's digits, the sets of `keras.datasets`, or any `.npz` file."""

import contextlib
import difflib
import io
import os
import re
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfopt.config import DataConfig
from tfopt.data.dataset import Dataset, split
from tfopt.data.fitted import Fitted
from tfopt.data.raw import InputKind, Raw, checked
from tfopt.errors import InputError

KERAS_DATASETS = ("mnist", "fashion_mnist", "cifar10", "imdb")
IMDB_WORDS = 10_000
IMDB_LENGTH = 200
DOWNLOAD_TIMEOUT = 30.0
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(config: DataConfig, fitted: Fitted = Fitted()) -> Dataset:  # noqa: B008  # frozen
    """Load and split the data set `config` names; raise `InputError` when it is unknown, unreadable or unfit.

    `fitted` is what a model remembers from its training; its scaling is used unless `config.scale` asks for another.
    """
    if fitted.scaling is not None and config.scale not in (None, fitted.scaling.scale):
        fitted = fitted.model_copy(update={"scaling": None})
    return split(checked(_raw(config), config.source), config, fitted.scaling, fitted.targets)


def _raw(config: DataConfig) -> Raw:
    if config.path is not None:
        return _npz(config.path, config)
    if config.source == "digits":
        return _digits()
    if config.source in KERAS_DATASETS:
        return _keras(config.source)
    names = ("digits", *KERAS_DATASETS)
    close = difflib.get_close_matches(config.source, names, n=1)
    meant = f"did you mean {close[0]}?" if close else f"use {', '.join(names)} or a path ending in .npz"
    raise InputError(f"unknown data set {config.source!r}: {meant}")


def _digits() -> Raw:
    """Scikit-learn's copy of the UCI optical digits test set: 1,797 images of 8x8 pixels, values 0..16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Raw(bunch.images[..., np.newaxis], bunch.target, None, None, kind="image", peak=16, scale="unit")


def _keras(name: str) -> Raw:
    import keras

    module = getattr(keras.datasets, name)
    options = {"num_words": IMDB_WORDS} if name == "imdb" else {}
    try:
        with contextlib.redirect_stdout(io.StringIO()), _socket_timeout(DOWNLOAD_TIMEOUT):
            (x, y), (x_test, y_test) = module.load_data(**options)
    except Exception as error:  # keras.utils.get_file raises a bare Exception when it cannot download
        url = re.search(r"https?://\S+?(?=[:,]?\s|$)", str(error))
        source = url.group() if url else "its source"
        raise InputError(
            f"{name} is not on this machine and cannot be downloaded: fetch {source} yourself and put it into"
            f" {_cache_folder(name)}"
        ) from error
    if name == "imdb":
        pad = keras.utils.pad_sequences
        x, x_test = pad(x, maxlen=IMDB_LENGTH), pad(x_test, maxlen=IMDB_LENGTH)
        return Raw(x, y, x_test, y_test, kind="tokens", peak=1, scale="none", vocabulary=IMDB_WORDS)
    return Raw(x, y, x_test, y_test, kind="image", peak=255, scale="unit")


def _cache_folder(name: str) -> Path:
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    cache = home / "datasets"
    return cache / "fashion-mnist" if name == "fashion_mnist" else cache


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _npz(path: Path, config: DataConfig) -> Raw:
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_dir():
        raise InputError(f"{path} is a directory, not an .npz file")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no .npz file or is damaged: it is not a zip archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in NPZ_KEYS if key not in archive]
            if missing:
                raise InputError(f"{path} has no {', '.join(missing)}; it needs {', '.join(NPZ_KEYS)}")
            x, y, x_test, y_test = (archive[key] for key in NPZ_KEYS)
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise InputError(f"{path} holds pickled objects, which could run code; save plain arrays") from error
        raise InputError(f"{path} is no .npz file or is damaged: {_first_line(error)}") from error
    except (OSError, EOFError, zipfile.BadZipFile, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no .npz file or is damaged: {_first_line(error)}") from error
    kind: InputKind = "features" if x.ndim == 2 else "image"
    numbers = config.task == "regression" or (config.task is None and _are_numbers(y))
    return Raw(
        x, y, x_test, y_test, kind, peak=255, scale="unit" if x.dtype == np.uint8 else "none",
        task="regression" if numbers else "classification",
    )  # fmt: skip


def _are_numbers(y: NDArray[Any]) -> bool:
    """Whether labels are numbers rather than class indices: some are no integers."""
    finite = np.isfinite(y) if y.dtype.kind == "f" else np.zeros(1, bool)
    return bool((y[finite] != np.round(y[finite])).any()) if finite.any() and finite.shape == y.shape else False


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
