"""Columns of pyarrow as arrays of NumPy: float32, or texts."""

from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfopt.data.column_blocks import ColumnBlock
from tfopt.data.lazy_arrays import is_large
from tfopt.data.row_files import RowWriter
from tfopt.data.stored_arrays import StoredArray
from tfopt.data.stored_texts import TextCollector
from tfopt.errors import InputError
from tfopt.typing import Array

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER_BYTES, TEXT_BYTES = 4, 16  # that a cell takes at least
MOST_TEXTS = 50_000_000  # cells that take 16 bytes each, up to 15 bytes long


def check_texts(path: Path, cells: int) -> None:
    """Raise `InputError` if so many cells of text do not fit into memory; numbers need not be held."""
    if cells > MOST_TEXTS:
        raise InputError(f"{path} has more than {MOST_TEXTS:,} cells of text, which is too much to hold")


def is_number(kind: "pa.DataType") -> bool:
    """Tell whether values of a type are numbers, or true and false."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return any(is_kind(kind) for is_kind in (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean))


def is_nested(kind: "pa.DataType") -> bool:
    """Tell whether values of a type are no numbers, texts or times."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    words = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    times = (types.is_date, types.is_time, types.is_timestamp)
    return not is_number(kind) and not any(is_kind(kind) for is_kind in (*words, *times))


def to_numbers(column: "pa.Array") -> Array:
    """Return a column of numbers as float32, with NaN for no value."""
    import pyarrow as pa

    wide = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # what is too large becomes infinite, which is refused where it is used
        numbers: Array = wide.astype(np.float32)
    return numbers


def text_bytes(column: "pa.Array") -> int:
    """Return how many bytes the texts of a column have, each as often as it is repeated; 0 for other types."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
        lengths = compute.binary_length(column.dictionary).cast(pa.int64()).take(column.indices)
        return compute.sum(lengths).as_py() or 0
    return 0


def to_texts(column: "pa.Array") -> Array:
    """Return a column as texts as Python writes them, empty for no value."""
    import pyarrow as pa
    from pyarrow import types

    kind = np.dtypes.StringDType()
    if types.is_dictionary(column.type):
        known = np.append(to_texts(column.dictionary), np.array([""], kind))
        indices: Array = column.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
        return known[indices]
    if types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
        return np.where(np.isnan(numbers), np.array("", kind), numbers.astype(kind))
    if types.is_timestamp(column.type):
        column = _without_needless_digits(column)
    if types.is_boolean(column.type):
        return np.array([str(value) if value is not None else "" for value in column.to_pylist()], kind)
    return np.array(column.cast(pa.string()).fill_null("").to_pylist(), kind)


def _without_needless_digits(column: "pa.Array") -> "pa.Array":
    """Return times, in UTC if they have a zone, in the largest unit that loses nothing of them."""
    import pyarrow as pa

    for unit in ("s", "ms", "us"):
        with suppress(pa.ArrowInvalid):
            return column.cast(pa.timestamp(unit))
    return column.cast(pa.timestamp("ns"))


class Columns:
    """Columns that are filled part by part, so that a table is held in memory once, and many numbers not at all."""

    def __init__(self, rows: int, names: Sequence[str], numeric: Container[str]) -> None:
        """Make room for so many rows at most; columns that are `numeric` become float32, others texts."""
        self._names, self._numeric = names, [name for name in names if name in numeric]
        large = is_large((rows, len(self._numeric)))
        self._writer = RowWriter(rows * len(self._numeric) * NUMBER_BYTES) if large else None
        self._held = {} if large else {name: np.empty(rows, np.float32) for name in self._numeric}
        self._texts = {name: TextCollector() for name in names if name not in numeric}
        self._done = 0

    def append(self, parts: Iterable[Array]) -> None:
        """Append so many cells (M,) to each column."""
        given = dict(zip(self._names, parts, strict=True))
        end = self._done + len(given[self._names[0]])
        for name, array in self._held.items():
            array[self._done : end] = given[name]
        for name, collector in self._texts.items():
            collector.append(given[name])
        if self._writer is not None:
            self._writer.append(np.stack([given[name] for name in self._numeric], axis=1))
        self._done = end

    def __len__(self) -> int:
        return self._done

    def filled(self) -> tuple[dict[str, Array], ColumnBlock | None]:
        """Return the columns by their names as far as they have been filled, and the numbers that are not held."""
        found = {name: array[: self._done] for name, array in self._held.items()}
        found |= {name: collector.finish() for name, collector in self._texts.items()}
        block = None
        if self._writer is not None:
            width = len(self._numeric)
            file = self._writer.finish_rows(self._done, width * NUMBER_BYTES)
            block = ColumnBlock(tuple(self._numeric), StoredArray(file, np.dtype(np.float32), (width,)))
            found |= {name: block.column(name) for name in self._numeric}
        return {name: found[name] for name in self._names}, block
