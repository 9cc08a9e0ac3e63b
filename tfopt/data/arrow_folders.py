"""Folders that Hugging Face `datasets` saved to disk, read by pyarrow: no package of theirs, no code of a data set.

A folder has `dataset_info.json` and `state.json` beside files of Arrow's streaming format, or one such folder a split.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfopt.data.array_files import check_file
from tfopt.data.arrow_columns import check_texts, is_nested, is_number, to_numbers, to_texts
from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.labelled_tables import LABEL
from tfopt.data.mapped_files import FileMap
from tfopt.data.raw_data import RawData
from tfopt.data.records import SPLIT, ImageRecords, name_classes, take_from_records
from tfopt.data.series import Series
from tfopt.data.splits import parse_split_name
from tfopt.data.stored_arrays import RowCollector
from tfopt.data.table_format import take_from_table
from tfopt.data.tables import table_of
from tfopt.errors import InputError, TfoptError
from tfopt.typing import Array, Json

if TYPE_CHECKING:
    import pyarrow as pa

INFO, STATE, SPLITS = "dataset_info.json", "state.json", "dataset_dict.json"
MOST_DESCRIPTION = 10_000_000  # bytes
MOST_NUMBERS = 250_000_000  # in columns, 4 bytes each
AT_ONCE = 256  # rows


class Saved(NamedTuple):
    """The rows of a folder, the `names` of classes of columns that have such, and the columns that hold `images`."""

    table: "pa.Table"
    names: dict[str, list[str]]
    images: set[str]
    files: list[FileMap]

    def batches(self, name: str) -> "Iterator[pa.Array]":
        """Yield a column in small parts, whose bytes are let go of afterwards."""
        for part in self.table.column(name).chunks:
            for start in range(0, len(part), AT_ONCE):
                rows = part.slice(start, AT_ONCE)
                yield rows
                for file in self.files:
                    file.let_go(rows.nbytes)


class ArrowFolderFormat(DataFormat):
    """Folders of `Dataset.save_to_disk` and `DatasetDict.save_to_disk`."""

    name = "arrow"
    title = "a folder of Hugging Face datasets"

    def suits(self, path: Path) -> bool:
        """Take folders with the descriptions that such have."""
        return (path / STATE).is_file() or (path / SPLITS).is_file()

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
        """Read the rows, and keep the splits if there are several."""
        if not (path / SPLITS).is_file():
            return _take(_read_saved(path), None, path, config, class_names, ())
        names = _read_json(path / SPLITS).get("splits")
        if not isinstance(names, list) or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise InputError(f"{path / SPLITS} does not name the splits")
        known = {name: part for name in names if (part := parse_split_name(name))}
        if "train" not in known.values():
            raise InputError(f"{path} has no split train, but {', '.join(names)}")
        saved = [_read_saved(path / name) for name in known]
        if any(one.table.schema.names != saved[0].table.schema.names for one in saved):
            raise InputError(f"{path} has splits with different columns")
        import pyarrow as pa

        table = pa.concat_tables([one.table for one in saved], promote_options="permissive")
        whole = saved[0]._replace(table=table, files=[file for one in saved for file in one.files])
        parts = np.repeat(list(known.values()), [len(one.table) for one in saved])
        left = [name for name in names if name not in known]
        notes = (f"splits left out, as they are neither for training nor for tests: {', '.join(left)}",) if left else ()
        return _take(whole, parts, path, config, class_names, notes)


def _take(
    saved: Saved, parts: Array | None, path: Path, config: DataConfig, classes: tuple[str, ...] | None,
    notes: tuple[str, ...],
) -> RawData | Series:  # fmt: skip
    """Take images, or arrays of numbers, with labels; all else is a table."""
    table, title = saved.table, str(path)
    arrays = [field.name for field in table.schema if field.name in saved.images or is_nested(field.type)]
    if not arrays:
        columns = {name: _column(saved, name, config, title) for name in table.schema.names}
        columns |= {} if parts is None else {_free_name(columns): parts}
        found = take_from_table(table_of(title, columns), config, classes)
    else:
        label = _find_label(saved, arrays, config, title)
        y = _column(saved, label, config, title)
        found = take_from_records(_column(saved, arrays[0], config, title), y, parts, title, config, classes)
        if left := [name for name in table.schema.names if name not in (arrays[0], label)]:
            notes = (*notes, f"columns left out, as only {arrays[0]} and {label} are used: {', '.join(left)}")
    return replace(found, notes=(*found.notes, *notes)) if isinstance(found, RawData) else found


def _find_label(saved: Saved, arrays: list[str], config: DataConfig, title: str) -> str:
    others = [name for name in saved.table.schema.names if name not in arrays]
    usual = [name for name in others if name.lower() in LABEL]
    likely = [*usual, *(name for name in others if name in saved.names), *(others if len(others) == 1 else ())]
    found: str | None = config.label or next(iter(likely), None)
    if len(arrays) > 1 or found is None or found not in others:
        raise InputError(
            f"{title} must have one column of images or numbers and one of labels; its columns are"
            f" {', '.join(saved.table.schema.names)}"
        )
    return found


def _free_name(columns: dict[str, Array]) -> str:
    return SPLIT if SPLIT not in columns else f"{SPLIT} of {len(columns)} columns"


def _column(saved: Saved, name: str, config: DataConfig, title: str) -> Array:
    """Return a column as numbers, texts, images or arrays (N, ...)."""
    if name in saved.images:
        images = ImageRecords(config.image_size, title)
        for part in saved.batches(name):
            images.append(_image_files(part, images.count, name, title))
        return images.finish()
    if is_nested(saved.table.schema.field(name).type):
        return _to_array(saved.batches(name), name, title)
    column = saved.table.column(name).combine_chunks()
    if name in saved.names:
        return name_classes(column.fill_null(-1).to_numpy(zero_copy_only=False), saved.names[name], title)
    import pyarrow as pa

    if not column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        whole: Array = column.to_numpy(zero_copy_only=False)  # as labels these are written without a point
        return whole
    return to_numbers(column) if is_number(column.type) else to_texts(column)


def _image_files(column: "pa.Array", before: int, name: str, title: str) -> list[bytes]:
    contents = [value and value.get("bytes") for value in column.to_pylist()]
    if None in contents:
        record = before + contents.index(None) + 1
        raise InputError(
            f"{title} does not hold the image of record {record} in column {name}, but names a file: save it with the"
            " bytes of images"
        )
    return contents


def _to_array(parts: "Iterator[pa.Array]", name: str, title: str) -> Array:
    """Return lists (N, ...) of numbers as an array; all must have the same shape."""
    collector, shape = RowCollector(), None
    for part in parts:
        rows = _part_to_array(part, name, title)
        shape = shape or rows.shape[1:]
        if rows.shape[1:] != shape:
            raise InputError(f"{title} has lists of different lengths in column {name}: samples have one shape")
        collector.append(rows.copy())
    return collector.finish()


def _part_to_array(column: "pa.Array", name: str, title: str) -> Array:
    import pyarrow as pa

    shape = [len(column)]
    column = getattr(column, "storage", column)
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    while any(is_list(column.type) for is_list in lists):
        lengths = set(column.value_lengths().to_pylist())
        if len(lengths) != 1 or None in lengths:
            raise InputError(f"{title} has lists of different lengths in column {name}: samples have one shape")
        shape.append(lengths.pop())
        column = column.flatten()
    if not is_number(column.type) or column.null_count:
        raise InputError(f"{title} has the type {str(column.type)[:100]} in column {name}, which cannot be read")
    values: Array = column.to_numpy(zero_copy_only=False).reshape(shape)
    return values


def _read_saved(folder: Path) -> Saved:
    """Read the rows of one split."""
    import pyarrow as pa

    features, state = _read_json(folder / INFO).get("features") or {}, _read_json(folder / STATE)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise InputError(f"{folder} holds an order of rows beside them; save it again after flatten_indices()")
    files = state.get("_data_files")
    listed = [isinstance(one, dict) and one.get("filename") for one in files] if isinstance(files, list) else []
    names = [name for name in listed if isinstance(name, str) and Path(name).name == name]
    if not names or len(names) < len(listed):
        raise InputError(f"{folder / STATE} does not name the files of rows beside it")
    maps: list[FileMap] = []
    table = pa.concat_tables([_read_stream(folder / name, maps) for name in names])
    if not len(table):
        raise InputError(f"{folder} has no rows")
    flat = [field for field in table.schema if not is_nested(field.type)]
    numbers = sum(is_number(field.type) for field in flat)
    check_texts(folder, (len(flat) - numbers) * len(table))
    if numbers * len(table) > MOST_NUMBERS:
        raise InputError(f"{folder} has more than {MOST_NUMBERS:,} numbers in columns, which is too much to hold")
    known = {name: one for name, one in features.items() if isinstance(one, dict) and name in table.schema.names}
    return Saved(
        table,
        {name: list(map(str, one["names"])) for name, one in known.items() if isinstance(one.get("names"), list)},
        {name for name, one in known.items() if one.get("_type") == "Image"},
        maps,
    )


def _read_stream(path: Path, files: list[FileMap]) -> "pa.Table":
    """Map a file, which is added to `files`, and return the rows, whose values stay there."""
    import pyarrow as pa

    check_file(path)
    try:
        with path.open("rb") as source:
            files.append(FileMap(source))
        with pa.ipc.open_stream(pa.py_buffer(files[-1].buffer)) as stream:
            table = stream.read_all()
        for batch in table.to_batches(max_chunksize=AT_ONCE):
            batch.validate(full=True)
            files[-1].let_go(batch.nbytes)
    except TfoptError:
        raise
    except Exception as error:  # pyarrow raises whatever a damaged file makes it stumble over
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} is no Arrow stream, is damaged or was cut off: {reason}") from error
    return table


def _read_json(path: Path) -> Json:
    check_file(path)
    if path.stat().st_size > MOST_DESCRIPTION:
        raise InputError(f"{path} is too large to describe data")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} does not describe data: it is no JSON object")
    return found
