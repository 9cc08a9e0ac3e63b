"""The data sets of `keras.datasets`, which Keras downloads and keeps."""

import contextlib
import io
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from tfopt.data.raw_data import RawData
from tfopt.errors import InputError

IMDB_WORDS = 10_000
IMDB_LENGTH = 200
DOWNLOAD_TIMEOUT = 30.0


def load_keras_dataset(name: str) -> RawData:
    """Load one of `tfopt.data.config.KERAS`; raise `InputError` saying what to fetch if it cannot be downloaded."""
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
        x, x_test = (pad(part, maxlen=IMDB_LENGTH, padding="post") for part in (x, x_test))
        return RawData(x, y, x_test, y_test, kind="tokens", peak=1, scale="none", vocabulary=IMDB_WORDS)
    return RawData(x, y, x_test, y_test, kind="image", peak=255, scale="unit")


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
