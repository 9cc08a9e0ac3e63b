"""Tables: columns of numbers and of texts by their names, wherever they come from.

What is wrong with a value is reported with its column and its place, such as the line of a file.
"""

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Protocol

import numpy as np

from tfopt.data.column_blocks import ColumnBlock
from tfopt.data.lazy_arrays import pieces, take
from tfopt.data.splits import parse_split_name
from tfopt.data.stored_arrays import RowCollector
from tfopt.errors import InputError
from tfopt.typing import Array

MISSING = ("", "na", "n/a", "nan", "null", "none")
LOOKED_AT = 20
LONGEST_NUMBER = 100
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]\d.*)?")


class Origin(Protocol):
    """The source of the columns of a table."""

    def texts(self, name: str) -> Array:
        """Return a column (N,) that became numbers as it was written."""

    def place(self, row: int) -> str:
        """Name the place of a row, such as its line."""


@dataclass(frozen=True)
class Table:
    """Columns (N,) by their names, in order (1, 2, ... without a header).

    Attributes:
        path: The file, as messages call it.
        columns: Texts, or numbers where all values read as such; NaN is no value.
        origin: What they were read from.
        headed: Whether it names its columns.
        kept: Which rows of the origin these are; None for all.
        block: The numbers that are not held, of which `columns` has them lazy.
    """

    path: Path
    columns: dict[str, Array]
    origin: Origin
    headed: bool = True
    kept: Array | None = None
    block: ColumnBlock | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def find_column(self, wanted: str | None, known: tuple[str, ...], option: str) -> str | None:
        """Find a column by its name.

        Args:
            wanted: The name that was asked for, or None.
            known: Usual names, of which the first that is there is taken if none was asked for.
            option: The option that asks for it, in messages.

        Returns:
            The name of the column; None if none was asked for and none has a usual name.

        Raises:
            InputError: If `wanted` is no column.
        """
        if wanted is None:
            called = {name.lower(): name for name in self.columns} if self.headed else {}
            return next((called[name] for name in known if name in called), None)
        if wanted in self.columns:
            return wanted
        close = difflib.get_close_matches(wanted, self.columns, n=1)
        meant = f"did you mean {close[0]}?" if close else f"its columns are {self.column_list()}"
        raise InputError(f"{self.path} has no column {wanted} for {option}: {meant}")

    def column_list(self) -> str:
        """Return the names of the columns as one line."""
        return ", ".join(self.columns) + ("" if self.headed else " (there is no header, so they are counted)")

    def place(self, row: int) -> str:
        """Name the place of a row in what the table was read from, such as "line 7"."""
        return self.origin.place(int(row if self.kept is None else self.kept[row]))

    def split_column(self) -> str | None:
        """Return the column that says which split a row belongs to: all its values are names of splits."""
        for name, values in self.columns.items():
            if not _are_texts(values) or parse_split_name(str(values[:1][0])) is None:
                continue
            found = {parse_split_name(value) for value in set(values)}
            if "train" in found and None not in found:
                return name
        return None

    def rows(self, kept: Array) -> "Table":
        """Return the same table with some of its rows, those where `kept` (N,) is true."""
        columns = {name: take(values, kept) for name, values in self.columns.items()}
        before = np.arange(len(self)) if self.kept is None else self.kept
        return replace(self, columns=columns, kept=before[kept], block=self.block and self.block.rows(kept))

    def is_numeric(self, name: str) -> bool:
        """Tell whether a column looks like numbers, by the first values that are not missing."""
        if not _are_texts(self.columns[name]):
            return True
        values = (value for value in self.columns[name] if value.strip().lower() not in MISSING)
        return any(is_number(value) for value in itertools.islice(values, LOOKED_AT))

    def date_column(self) -> str | None:
        """Return the first column that looks like dates, by the first values that are not missing."""
        for name, values in self.columns.items():
            if not _are_texts(values):
                continue
            some = list(itertools.islice((value.strip() for value in values if value.strip()), LOOKED_AT))
            if some and all(map(DATE.fullmatch, some)):
                return name
        return None

    def texts(self, name: str) -> Array:
        """Return a column (N,) as it is written."""
        values = self.columns[name]
        if _are_texts(values):
            return values
        texts = self.origin.texts(name)
        return texts if self.kept is None else texts[self.kept]

    def numbers(self, name: str) -> Array:
        """Return a column (N,) as floats; raise `InputError` naming the place of a value that is no number."""
        values = self.columns[name]
        found: Array = _parse_numbers(np.asarray(values)) if _are_texts(values) else np.asarray(values)
        wrong = np.flatnonzero(~np.isfinite(found.astype(np.float32, copy=False)))
        if len(wrong):
            self._refuse(int(wrong[0]), name)
        return found

    def matrix(self, names: Sequence[str]) -> Array:
        """Return columns (N, F) side by side as float32, lazy if they are not held; raise what `numbers` raises."""
        if self.block is None or not set(names) & set(self.block.names):
            return np.stack([self.numbers(name).astype(np.float32, copy=False) for name in names], axis=1)
        if not set(names) <= set(self.block.names):
            return self._joined(names)
        found, start = self.block.select(names), 0
        for piece in pieces(found):
            wrong = np.argwhere(~np.isfinite(piece))
            if len(wrong):
                self._refuse(start + int(wrong[0, 0]), names[wrong[0, 1]])
            start += len(piece)
        return found

    def _joined(self, names: Sequence[str]) -> Array:
        """Return columns (N, F) of which some are held."""
        assert self.block is not None
        held = {name: self.numbers(name).astype(np.float32) for name in names if name not in self.block.names}
        others = [name for name in names if name not in held]
        collector, start = RowCollector(), 0
        for piece in pieces(self.matrix(others)):
            rows = slice(start, start + len(piece))
            parts = {name: array[rows] for name, array in held.items()} | dict(zip(others, piece.T, strict=True))
            collector.append(np.stack([parts[name] for name in names], axis=1))
            start += len(piece)
        return collector.finish()

    def _refuse(self, row: int, name: str) -> NoReturn:
        value = str(self.texts(name)[row : row + 1][0]).strip()
        what = "no value" if value.lower() in MISSING else f"{value[:40]!r}, no number"
        raise InputError(f"{self.path} has {what} in {self.place(row)}, column {name}")


@dataclass(frozen=True)
class Held:
    """Columns that are in memory, as they were given."""

    columns: Mapping[str, Array]

    def texts(self, name: str) -> Array:
        """Return a column (N,) as texts; None and NaN are empty."""
        values = self.columns[name]
        if values.dtype.kind not in "Of":
            return values.astype(np.dtypes.StringDType())
        texts = ["" if value is None or value != value else str(value) for value in values.tolist()]
        return np.array(texts, np.dtypes.StringDType())

    def place(self, row: int) -> str:
        """Name a row."""
        return f"line {row + 1}"


def table_of(title: str, columns: Mapping[str, Array]) -> Table:
    """Make a table of columns that are in memory.

    Args:
        title: What messages call it.
        columns: Values (N,) of any type by the names of their columns; None and NaN are no value.

    Raises:
        InputError: If there is no column or no row, or columns have different lengths.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if not any(lengths.values()):
        raise InputError(f"{title} has no rows")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:5])
        raise InputError(f"{title} has columns of different lengths: {told}")
    held = Held(columns)
    typed = {name: values if values.dtype.kind in "fiub" else held.texts(name) for name, values in columns.items()}
    return Table(Path(title), typed, held)


def is_number(text: str) -> bool:
    """Tell whether `text` reads as a number that is finite.

    >>> is_number(" 1e3 "), is_number("nan"), is_number("one")
    (True, False, False)
    """
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _are_texts(values: Array) -> bool:
    return values.dtype.kind == "T"


def _parse_numbers(values: Array) -> Array:
    try:
        if np.strings.str_len(values).max() > LONGEST_NUMBER:
            raise ValueError
        return values.astype(np.float64)
    except ValueError:
        return np.array([float(value) if is_number(value) else np.nan for value in values])
