"""A name or a path becomes a `Dataset`; each kind of source lives in a file of its own, files and folders as formats.

A source gives `RawData` or a `Series`. It is validated, split, and prepared by what was fitted on the train split, or
by what a model remembers from its training.
"""

import difflib
from dataclasses import replace

from tfopt.config.choices import Task
from tfopt.data.bundled import load_bundled
from tfopt.data.config import BUNDLED, INPUTS, KERAS, TFDS, DataConfig
from tfopt.data.dataset import Dataset, make_dataset
from tfopt.data.formats import explain_unreadable, find_format
from tfopt.data.image_folders import ImageFolderFormat, load_image_folder
from tfopt.data.keras_datasets import load_keras_dataset
from tfopt.data.npz import named_arrays
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.python_data import TITLE, Content
from tfopt.data.raw_data import InputKind, RawData, validate
from tfopt.data.series import Series, make_forecast_dataset
from tfopt.data.several_arrays import with_known_classes
from tfopt.data.table_format import take_from_table
from tfopt.data.tables import Table
from tfopt.data.tfds import load_tfds
from tfopt.errors import InputError

OPTIONS: dict[str, tuple[InputKind, ...]] = {
    "text": ("tokens",),
    "label": ("tokens", "features"),
    "source_text": ("pairs",),
    "target_text": ("pairs",),
    "horizon": ("series",),
    "words": ("tokens", "pairs"),
    "length": ("tokens", "pairs"),
    "characters": ("tokens",),
    "image_size": ("image",),
}


def load(config: DataConfig, fitted: Preprocessor = Preprocessor(), content: Content | None = None) -> Dataset:  # noqa: B008  # frozen
    """Load and split the data set that a config names, or that is in memory.

    Args:
        config: The config.
        fitted: What a model remembers from its training; its scaling is used unless `config.scale` asks for another.
        content: Arrays or a table that were made in Python, in place of what the config names.

    Returns:
        The data set.

    Raises:
        InputError: If the source is unknown, unreadable or unfit, or an option does not suit it.
    """
    if fitted.scaling is not None and config.scale not in (None, fitted.scaling.scale):
        fitted = fitted.model_copy(update={"scaling": None})
    title = config.source if content is None else TITLE
    if content is None:
        source = _read_source(config, fitted)
    elif isinstance(content, Table):
        source = take_from_table(content, config, fitted.class_names)
    else:
        source = named_arrays(content, TITLE, config, fitted.class_names)
    _check_options(config, "series" if isinstance(source, Series) else source.kind)
    if isinstance(source, Series):
        return make_forecast_dataset(source, config, fitted)
    if config.target is not None:
        source = _own_targets(source, config)
    if config.task not in (None, source.task):
        raise InputError(f"`task` {config.task} does not suit {config.source}, which is for {source.task}")
    if source.kind == "tokens" and not source.texts:
        config = config.model_copy(update={"tokens": True})  # other data of the model are read so, too
    source = with_known_classes(validate(source, title), fitted.outputs, title)
    return make_dataset(source, config, fitted)


def _check_options(config: DataConfig, kind: InputKind) -> None:
    """Raise `InputError` for an option that says nothing of such samples."""
    for option, kinds in OPTIONS.items():
        if getattr(config, option) is not None and kind not in kinds:
            raise InputError(f"`{option}` is for {' and '.join(kinds)}, but the samples of {config.source} are {kind}")


def _own_targets(raw: RawData, config: DataConfig) -> RawData:
    """Make the samples their own targets, as `target` asks for."""
    tasks: dict[InputKind, Task] = {"image": "image-to-image", "features": "regression"}
    if config.target != INPUTS:
        raise InputError(
            f"`target` is a column of a series, or {INPUTS} for an autoencoder, not {config.target}: the samples of"
            f" {config.source} are {raw.kind}"
        )
    if raw.kind not in tasks:
        raise InputError(
            f"`target` {INPUTS} is for images and rows of numbers; the samples of {config.source} are {raw.kind}"
        )
    return replace(raw, y=raw.x, y_test=raw.x_test, task=tasks[raw.kind], class_names=None)


def _read_source(config: DataConfig, fitted: Preprocessor) -> RawData | Series:
    """Read the source; labels that are words are counted by the names of the classes that a model remembers."""
    path = config.path
    if path is None:
        return _load_named(config)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    found = find_format(path)
    if found is None:
        raise InputError(explain_unreadable(path))
    if isinstance(found, ImageFolderFormat):
        return load_image_folder(path, config, fitted.class_names, fitted.resizing)
    return found.read(path, config, fitted.class_names)


def _load_named(config: DataConfig) -> RawData | Series:
    if config.source in BUNDLED:
        return load_bundled(config)
    if config.source in KERAS:
        return load_keras_dataset(config.source)
    if config.source.startswith(TFDS):
        return load_tfds(config)
    if config.in_memory:
        raise InputError(f"{config.source} stands for data that were given in Python: name a file, or give them again")
    names = (*BUNDLED, *KERAS)
    close = difflib.get_close_matches(config.source, names, n=1)
    meant = f"did you mean {close[0]}?" if close else f"use {', '.join(names)}, a file or a folder"
    raise InputError(f"unknown data set {config.source!r}: {meant}")
