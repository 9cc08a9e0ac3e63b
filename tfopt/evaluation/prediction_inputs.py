"""Files of inputs to predict: what a model was trained on says which columns, arrays or images of them are meant."""

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfopt.data.array_files import check_file, read_npy, read_npz
from tfopt.data.class_folders import list_files
from tfopt.data.config import TABLES
from tfopt.data.labelled_tables import LABEL, SOURCE_TEXT, TEXT
from tfopt.data.table_files import read_table
from tfopt.data.tables import Table
from tfopt.data.text_files import read_lines
from tfopt.errors import InputError
from tfopt.formats.provenance import Provenance
from tfopt.typing import Array

SAMPLES = ("x", "x_test", "values")


class Series(NamedTuple):
    """Values (T, V) of a series, and when each was, as the file writes it."""

    values: Array
    times: tuple[str, ...]


Inputs = Sequence[str | Path] | Array | Series | Mapping[str, Array]


def read_file(path: Path, memory: Provenance, column: str | None = None) -> Inputs:
    """Return what a file, or a folder of images, holds for a model.

    Args:
        path: Texts, one a line or in a column; numbers of a table, an `.npy` or an `.npz` file; or a folder of images.
        memory: What the model remembers.
        column: The column of a table with the texts, or the array of an `.npz` file; None finds it.

    Raises:
        InputError: If the file holds nothing of the kind.
    """
    if column and path.suffix != ".npz" and not (memory.reads_texts and path.name.endswith(TABLES)):
        raise InputError(f"`column` is for the texts of a table or an array of an .npz file; {path} has neither")
    if path.is_dir():
        return [path]
    check_file(path)
    if path.suffix == ".npy":
        return read_npy(path)
    if path.suffix == ".npz":
        return _read_inputs(path, memory.scalings) if memory.scalings else _read_arrays(path, column)
    if path.name.endswith(TABLES):
        data = memory.data
        named = (data.text, data.label, data.source_text, data.target_text) if data else ()
        table = read_table(path, memory.columns or (), (*named, column))
        return _read_texts(table, memory, column) if memory.reads_texts else _read_numbers(table, memory)
    if not memory.reads_texts:
        raise InputError(f"{path} is none of the files that numbers are read from: .npy, .npz, {', '.join(TABLES)}")
    return [line.rstrip("\r\n") for line in read_lines(path) if line.strip()]


def _read_arrays(path: Path, name: str | None) -> Array:
    arrays = read_npz(path)
    found = next((key for key in ([name] if name else SAMPLES) if key in arrays), None)
    if found is None and name is None and len(arrays) == 1:
        [found] = arrays
    if found is None:
        raise InputError(f"{path} has no array {name or ', '.join(SAMPLES)}: its arrays are {', '.join(arrays)}")
    return arrays[found]


def _read_inputs(path: Path, wanted: Iterable[str]) -> Mapping[str, Array]:
    """Return the arrays of several inputs: as they are called, or as data to train on have them, `x.NAME`."""
    arrays = read_npz(path)
    found = {}
    for name in wanted:
        key = next((key for key in (name, f"x.{name}", f"x_test.{name}") if key in arrays), None)
        if key is None:
            raise InputError(f"{path} has no array {name} or x.{name}: its arrays are {', '.join(arrays)}")
        found[name] = arrays[key]
    return found


def _read_texts(table: Table, memory: Provenance, wanted: str | None) -> list[str]:
    data = memory.data
    trained = data and (data.source_text if memory.target_vectorizer else data.text)
    known = (trained or "", *(SOURCE_TEXT if memory.target_vectorizer else TEXT))
    column = table.find_column(wanted, tuple(name.lower() for name in known), "`column`")
    if column is None:
        left = [name for name in table.columns if not _is_beside_texts(table, name, memory)]
        if len(table.columns) == 1:
            left = list(table.columns)
        if len(left) != 1:
            raise InputError(
                f"{table.path} does not say which column holds the texts; say it with `column`: {table.column_list()}"
            )
        [column] = left
    return [str(text).strip() for text in table.texts(column) if str(text).strip()]


def _is_beside_texts(table: Table, name: str, memory: Provenance) -> bool:
    """Tell whether a column holds no texts but numbers, as ids are, labels or the names of splits."""
    label = memory.data.label if memory.data else None
    if name.lower() in (label, *LABEL) or name == table.split_column() or table.is_numeric(name):
        return True
    return bool(memory.class_names) and set(table.texts(name)) <= set(memory.class_names or ())


def _read_numbers(table: Table, memory: Provenance) -> Array | Series:
    numeric = [name for name in table.columns if table.is_numeric(name)]
    names = numeric
    if memory.columns and table.headed:
        missing = [name for name in memory.columns if name not in table.columns]
        if missing and len(missing) < len(memory.columns):
            raise InputError(f"{table.path} has no column {missing[0]}, which the model was trained on")
        names = numeric if missing else list(memory.columns)
    if not names:
        raise InputError(f"{table.path} has no column of numbers")
    if memory.columns and len(names) != len(memory.columns):
        raise InputError(
            f"{table.path} has {len(names)} columns of numbers, but the model was trained on {len(memory.columns)}:"
            f" {', '.join(memory.columns)[:200]}"
        )
    values = np.stack([table.numbers(name) for name in names], axis=1)
    times = next((name for name in table.columns if name not in (*numeric, *names)), None)
    if memory.task != "forecasting" or times is None:
        return values
    return Series(values, tuple(map(str, table.texts(times))))


def find_samples(paths: Sequence[str | Path], name: str, noun: str, suffixes: tuple[str, ...]) -> list[Path]:
    """Return files of a sample each: those of folders and patterns such as *.png in their place.

    Args:
        paths: Files, folders or patterns.
        name: The name of the model in messages.
        noun: What a file holds, in messages.
        suffixes: How the names of files in folders end, the first of them in messages.

    Raises:
        InputError: If there is none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [one for one in list_files(path, path) if one.suffix.lower() in suffixes]
            if not inside:
                raise InputError(f"{path} holds no {noun} ({', '.join(suffixes)})")
            found += inside
        elif path.is_file():
            found.append(path)
        elif matches := sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207  # a pattern with a folder
            found += [Path(match) for match in matches if Path(match).is_file()]
        else:
            raise InputError(
                f"{path} does not exist; {name} takes {noun} files, folders of them or patterns as *{suffixes[0]}"
            )
    return found


def next_times(times: Sequence[str], horizon: int) -> list[str]:
    """Return the times of the steps to come: in dates if the last ones are dates in ISO 8601, else counted.

    >>> next_times(["2024-01-01 22:00", "2024-01-01 23:00"], 2)
    ['2024-01-02 00:00', '2024-01-02 01:00']
    >>> next_times([], 2)
    ['+1', '+2']
    """
    try:
        before, last = (np.datetime64(time.strip().replace(" ", "T")) for time in times[-2:])
        ahead = [str(last + (last - before) * step) for step in range(1, horizon + 1)]
    except ValueError:
        return [f"+{step}" for step in range(1, horizon + 1)]
    return [time.replace("T", " ") for time in ahead] if "T" not in times[-1] else ahead
