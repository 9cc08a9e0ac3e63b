"""A name or a path becomes a `Dataset`; each kind of source lives in a file of its own."""

import difflib
from pathlib import Path

from tfopt.data.bundled import bundled
from tfopt.data.config import BUNDLED, KERAS, TABLES, TFDS, DataConfig
from tfopt.data.dataset import Dataset, split
from tfopt.data.image_folders import folder
from tfopt.data.keras_datasets import keras_set
from tfopt.data.labelled_tables import labelled, pairs
from tfopt.data.npz import npz
from tfopt.data.preprocessing import Fitted
from tfopt.data.raw_data import InputKind, Raw, checked
from tfopt.data.series import Series, forecasting, series_of
from tfopt.data.tables import read_table
from tfopt.data.tfds import tfds_set
from tfopt.errors import InputError

OPTIONS: dict[str, tuple[InputKind, ...]] = {
    "text": ("tokens",),
    "label": ("tokens", "features"),
    "source_text": ("pairs",),
    "target_text": ("pairs",),
    "target": ("series",),
    "horizon": ("series",),
    "words": ("tokens", "pairs"),
    "length": ("tokens", "pairs"),
    "image_size": ("image",),
}


def load(config: DataConfig, fitted: Fitted = Fitted()) -> Dataset:  # noqa: B008  # frozen
    """Load and split the data set `config` names; raise `InputError` when it is unknown, unreadable or unfit.

    `fitted` is what a model remembers from its training; its scaling is used unless `config.scale` asks for another.
    """
    if fitted.scaling is not None and config.scale not in (None, fitted.scaling.scale):
        fitted = fitted.model_copy(update={"scaling": None})
    source = _source(config, fitted.class_names)
    _check_options(config, "series" if isinstance(source, Series) else source.kind)
    if isinstance(source, Series):
        return forecasting(source, config, fitted)
    if config.task not in (None, source.task):
        raise InputError(f"--task {config.task} does not suit {config.source}, which is for {source.task}")
    return split(checked(source, config.source), config, fitted)


def _check_options(config: DataConfig, kind: InputKind) -> None:
    """Raise `InputError` for an option that says nothing of such samples."""
    for option, kinds in OPTIONS.items():
        if getattr(config, option) is not None and kind not in kinds:
            name = option.replace("_", "-")
            raise InputError(f"--{name} is for {' and '.join(kinds)}, but the samples of {config.source} are {kind}")


def _source(config: DataConfig, class_names: tuple[str, ...] | None) -> Raw | Series:
    """What is stored there; labels that are words are counted by `class_names`, if a model remembers them."""
    path = config.path
    if path is None:
        return _known(config)
    if path.is_dir():
        return folder(path, config, class_names)
    if path.name.endswith(".npz"):
        return npz(path, config)
    if path.name.endswith(TABLES):
        return _table(path, config, class_names)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    raise InputError(f"{path} is no data that can be read; use {', '.join(TABLES)}, .npz or a folder of images")


def _table(path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> Raw | Series:
    names = (config.text, config.label, config.source_text, config.target_text, config.target)
    table = read_table(path, names)
    if config.horizon is not None or config.task == "forecasting":
        return series_of(table)
    if config.source_text or config.target_text or config.task == "translation":
        return pairs(table, config)
    return labelled(table, config, class_names)


def _known(config: DataConfig) -> Raw | Series:
    if config.source in BUNDLED:
        return bundled(config)
    if config.source in KERAS:
        return keras_set(config.source)
    if config.source.startswith(TFDS):
        return tfds_set(config)
    names = (*BUNDLED, *KERAS)
    close = difflib.get_close_matches(config.source, names, n=1)
    meant = f"did you mean {close[0]}?" if close else f"use {', '.join(names)}, a file or a folder"
    raise InputError(f"unknown data set {config.source!r}: {meant}")
