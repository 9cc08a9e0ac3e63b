"""Arrays of an `.npz` file: samples and labels, split or not, or the values of a series."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.anomaly_arrays import anomaly_arrays
from tfopt.data.array_files import read_npz
from tfopt.data.array_labels import ArrayLabels, read_labels
from tfopt.data.config import INPUTS, DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.labels import are_continuous
from tfopt.data.masks import find_map_task, read_masks
from tfopt.data.raw_data import InputKind, RawData
from tfopt.data.sample_weights import is_weight, refuse_weights
from tfopt.data.series import Series
from tfopt.data.several_arrays import has_several, several_arrays
from tfopt.data.token_ids import check_ids, look_like_ids
from tfopt.errors import InputError
from tfopt.typing import Array

SPLIT = ("x_train", "y_train", "x_test", "y_test")
WHOLE = ("x", "y")
LAZY = {"x": 2, "x_train": 2, "x_test": 2, "y": 3, "y_train": 3, "y_test": 3, "values": 2}  # labels are held, no maps


class NpzFormat(DataFormat):
    """Files of arrays with names."""

    name = "npz"
    suffixes = (".npz",)

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
        """Read the arrays of a file; those it may have, and errors, are those of `named_arrays`."""
        found = read_npz(path, _Wanted(), LAZY) or read_npz(path)  # all, to name what is there
        return named_arrays(found, str(path), config, class_names)


class _Wanted:
    """The names of arrays that are data, or weights, which must not be overlooked."""

    def __contains__(self, name: object) -> bool:
        return str(name).partition(".")[0] in (*SPLIT, *WHOLE, "values", "columns") or is_weight(str(name))


def named_arrays(
    found: Mapping[str, Array], title: str, config: DataConfig, class_names: tuple[str, ...] | None = None
) -> RawData | Series:
    """Take `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`, or the `values` of a series.

    Of several inputs and outputs each has its own array, as `x.image` and `y.box`.

    Args:
        found: Arrays by their names; `columns`, if there is such a one, names the numbers of a sample.
        title: What messages call them.
        config: The config; `horizon` asks for a series, `task` says what numbers in `y` are.
        class_names: The classes that a model remembers, by which labels that are words are counted.

    Returns:
        Samples (N, ...) and labels (N, ...), which are the samples if the config says so, or a series (T, V).

    Raises:
        InputError: If the arrays are not there or do not suit the task.
    """
    refuse_weights(title, found)
    if has_several(found):
        return several_arrays(found, title, lambda single: _one_output(single, title, config))
    if "values" in found and (config.horizon or not found.keys() & {*SPLIT, *WHOLE}):
        return _make_series(found["values"], found.get("columns"))
    if config.task == "anomaly":
        return anomaly_arrays(found, title, config)
    if config.target == INPUTS:
        found = {**found, **{key.replace("x", "y"): found[key] for key in ("x", "x_train", "x_test") if key in found}}
    keys = WHOLE if found.keys() >= {*WHOLE} and not found.keys() & {*SPLIT} else SPLIT
    missing = [key for key in keys if key not in found]
    if missing:
        there = ", ".join(found) or "nothing"
        has = f"has no {', '.join(missing)}, but {there}" if len(missing) < len(keys) else f"holds {there}"
        raise InputError(f"{title} {has}; it needs {', '.join(SPLIT)}, or x and y, or the values of a series")
    if config.horizon is not None:
        raise InputError(f"`horizon` asks for a forecast, but {title} has no array values of a series")
    x, y, *test = (found[key] for key in keys)
    x_test, y_test = test or (None, None)
    kind, notes = _find_kind(x, config)
    if kind == "tokens":
        check_ids(x, title)
        known = [x] if x_test is None else [x, x_test]
        vocabulary = int(max(part.max(initial=0) for part in known)) + 1
    else:
        vocabulary = None
    task, labels = _find_task(x, y, y_test, config, class_names, title)
    return RawData(
        x, labels.y, x_test, labels.y_test, kind=kind, peak=255, scale="unit" if x.dtype == np.uint8 else "none",
        task=task, columns=_get_names(found.get("columns"), x),
        vocabulary=vocabulary, class_names=labels.names, notes=(*notes, *labels.notes),
    )  # fmt: skip


def _one_output(found: Mapping[str, Array], title: str, config: DataConfig) -> RawData:
    """Read what a model with one output would learn from."""
    raw = named_arrays(found, title, config)
    assert isinstance(raw, RawData)
    return raw


def _find_task(
    x: Array, y: Array, y_test: Array | None, config: DataConfig, class_names: tuple[str, ...] | None, title: str
) -> tuple[Task, ArrayLabels]:
    """Tell what labels are for, and read them."""
    if config.target == INPUTS:
        return "regression", ArrayLabels(y, y_test)
    if config.task == "compiled":
        return "compiled", read_labels(y, y_test, config.task, class_names, title)
    if config.task not in (None, "classification", "regression", "segmentation", "image-to-image", "multi-label"):
        raise InputError(f"`task` {config.task} does not suit {title}, which has labels for each sample")
    if (mapped := find_map_task(x, y, config.task)) is not None:
        task, notes = mapped
        found = read_masks(y, y_test, class_names, title) if task == "segmentation" else ArrayLabels(y, y_test)
        return task, found._replace(notes=(*notes, *found.notes))
    labels = read_labels(y, y_test, config.task, class_names, title)
    if labels.task is not None:
        return labels.task, labels
    numbers = config.task == "regression" or (config.task is None and _are_numbers(labels.y))
    return "regression" if numbers else "classification", labels


def _find_kind(x: Array, config: DataConfig) -> tuple[InputKind, tuple[str, ...]]:
    """Tell what samples are: images, rows of numbers, or token ids, which are noted if nobody has said so."""
    if config.tokens or (config.tokens is None and look_like_ids(x)):
        told = f"whole numbers up to {x.max():,} without an order are taken as token ids (`tokens` False for amounts)"
        return "tokens", () if config.tokens else (told,)
    return "features" if x.ndim == 2 else "image", ()


def _make_series(values: Array, columns: Array | None) -> Series:
    count = values.shape[1] if values.ndim == 2 else 0
    names = tuple(map(str, columns)) if columns is not None and columns.shape == (count,) else ()
    return Series(values, names or tuple(str(i + 1) for i in range(count)))


def _get_names(columns: Array | None, x: Array) -> tuple[str, ...] | None:
    """Return the names of the features; that of the label may come after them."""
    if columns is None or x.ndim != 2 or columns.ndim != 1 or len(columns) not in (x.shape[1], x.shape[1] + 1):
        return None
    return tuple(map(str, columns[: x.shape[1]]))


def _are_numbers(y: Array) -> bool:
    """Tell whether labels are numbers, not class indices: some are no integers, or floats that take many values."""
    finite = y[np.isfinite(y)] if y.dtype.kind == "f" else np.zeros(0)
    return len(finite) > 0 and are_continuous(finite)
