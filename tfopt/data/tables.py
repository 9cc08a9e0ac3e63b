"""Tables of text files, comma- or tab-separated, plain or gzipped: read whole, checked, and asked by column name.

Cells stay texts until a column is asked for as numbers; what is wrong is reported with its line and column.
"""

import contextlib
import csv
import difflib
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from tfopt.data.splits import parse_split_name
from tfopt.data.text_files import read_lines
from tfopt.errors import InputError
from tfopt.typing import Array

Row: TypeAlias = tuple[list[str], int]

MISSING = ("", "na", "n/a", "nan", "null", "none")
LOOKED_AT = 20
LONGEST_NUMBER = 100
MOST_COLUMNS = 100_000
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]\d.*)?")
CELLS_AT_ONCE = 300_000  # many, as each piece of a column has a few hundred bytes besides
KNOWN = ("text", "label", "class", "target", "category", "split", "date")


@dataclass(frozen=True)
class Table:
    """Columns (N,) of texts by their names, in order (1, 2, ... without a header), and the lines (N,) of the rows."""

    path: Path
    columns: dict[str, Array]
    lines: Array
    headed: bool

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

    def split_column(self) -> str | None:
        """Return the column that says which split a row belongs to: all its values are names of splits."""
        for name, values in self.columns.items():
            if parse_split_name(values[0]) is None:
                continue
            found = {parse_split_name(value) for value in set(values)}
            if "train" in found and None not in found:
                return name
        return None

    def rows(self, kept: Array) -> "Table":
        """Return the same table with some of its rows."""
        columns = {name: values[kept] for name, values in self.columns.items()}
        return Table(self.path, columns, self.lines[kept], self.headed)

    def is_numeric(self, name: str) -> bool:
        """Tell whether a column looks like numbers, by the first values that are not missing."""
        values = (value for value in self.columns[name] if value.strip().lower() not in MISSING)
        return any(is_number(value) for value in itertools.islice(values, LOOKED_AT))

    def date_column(self) -> str | None:
        """Return the first column that looks like dates, by the first values that are not missing."""
        for name, values in self.columns.items():
            some = list(itertools.islice((value.strip() for value in values if value.strip()), LOOKED_AT))
            if some and all(map(DATE.fullmatch, some)):
                return name
        return None

    def numbers(self, name: str) -> Array:
        """Return a column (N,) as float64; raise `InputError` naming the line of a value that is no number."""
        values = self.columns[name]
        try:
            if np.strings.str_len(values).max() > LONGEST_NUMBER:
                raise ValueError
            found = values.astype(np.float64)
        except ValueError:
            found = np.array([float(value) if is_number(value) else np.nan for value in values])
        wrong = np.flatnonzero(~np.isfinite(found.astype(np.float32)))
        if len(wrong):
            value = values[wrong[0]].strip()
            what = "no value" if value.lower() in MISSING else f"{value[:40]!r}, no number"
            raise InputError(f"{self.path} has {what} in line {self.lines[wrong[0]]}, column {name}")
        return found


def is_number(text: str) -> bool:
    """Tell whether `text` reads as a number that is finite.

    >>> is_number(" 1e3 "), is_number("nan"), is_number("one")
    (True, False, False)
    """
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


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
    lines = np.arange(1, max(lengths.values()) + 1)
    return Table(Path(title), {name: _to_texts(values) for name, values in columns.items()}, lines, headed=True)


def _to_texts(values: Array) -> Array:
    if values.dtype.kind != "O":
        return values.astype(np.dtypes.StringDType())
    texts = ["" if value is None or value != value else str(value) for value in values.tolist()]
    return np.array(texts, np.dtypes.StringDType())


def read_table(path: Path, names: tuple[str | None, ...] = ()) -> Table:
    """Read a table of comma- or tab-separated values.

    The first line is a header if it has one of `names` or of the names that are usual, or words above numbers.

    Args:
        path: The file: .csv or .tsv, also with .gz.
        names: Names of columns that were asked for.

    Returns:
        The table.

    Raises:
        InputError: If it is no text, no table or empty.
    """
    found = _check_widths(_read_rows(path), path)
    first = list(itertools.islice(found, 1 + LOOKED_AT))
    if not first:
        raise InputError(f"{path} is empty")
    rows = [row for row, _ in first]
    width = len(rows[0])
    headed = _is_header(rows, {*KNOWN, *(name.lower() for name in names if name)})
    header = [name.strip() for name in rows[0]] if headed else [str(i + 1) for i in range(width)]
    if len(set(header)) < width:
        raise InputError(f"{path} has two columns of the same name in its header: {', '.join(header)[:200]}")
    if len(rows) == headed:
        raise InputError(f"{path} has a header but no rows")
    columns, lines = _to_columns(itertools.chain(first[headed:], found), width)
    return Table(path, dict(zip(header, columns, strict=True)), lines, headed)


def _to_columns(rows: Iterable[Row], width: int) -> tuple[list[Array], Array]:
    """Turn rows into columns of texts, which take 16 bytes a cell up to 15 bytes long, and their line numbers."""
    pieces: list[list[Array]] = [[] for _ in range(width)]
    lines: list[Array] = []
    rows = iter(rows)
    while part := list(itertools.islice(rows, max(1, CELLS_AT_ONCE // width))):
        lines.append(np.array([line for _, line in part]))
        for piece, cells in zip(pieces, zip(*(row for row, _ in part), strict=True), strict=True):
            piece.append(np.array(cells, np.dtypes.StringDType()))
    whole = []
    for piece in pieces:
        whole.append(np.concatenate(piece))
        piece.clear()
    return whole, np.concatenate(lines)


def _check_widths(rows: Iterable[Row], path: Path) -> Iterator[Row]:
    """Yield the same rows; raise `InputError` once one has more or fewer cells than the first."""
    width, first = 0, 0
    for row, line in rows:
        width, first = width or len(row), first or line
        if len(row) != width:
            raise InputError(f"{path} has {len(row)} columns in line {line}, but {width} in line {first}")
        if width > MOST_COLUMNS:
            raise InputError(f"{path} has {width:,} columns; at most {MOST_COLUMNS:,} are read")
        yield row, line


def _is_header(rows: list[list[str]], names: set[str]) -> bool:
    first, rest = rows[0], rows[1 : 1 + LOOKED_AT]
    if names & {cell.strip().lower() for cell in first}:
        return True
    columns = zip(*rest, strict=True)
    return any(
        cell.strip().lower() not in MISSING and not is_number(cell) and all(map(is_number, column))
        for cell, column in zip(first, columns, strict=bool(rest))
    )


def _read_rows(path: Path) -> Iterator[Row]:
    """Return the cells of the lines that are not blank, and the numbers of those lines."""
    tabs = path.name.endswith((".tsv", ".tsv.gz"))
    lines = read_lines(path, "\t" if tabs else ",")
    found = _split_tabs(lines) if tabs else _split_commas(lines, path)
    return ((row, line) for row, line in found if any(cell.strip() for cell in row))


def _split_commas(lines: Iterable[str], path: Path) -> Iterator[Row]:
    parts = (part for line in lines for part in (io.StringIO(line, newline="") if "\r" in line[:-2] else (line,)))
    reader = csv.reader(parts, strict=True)
    try:
        yield from ((row, reader.line_num) for row in reader)
    except csv.Error as error:
        raise InputError(f"{path} is no table of comma-separated values: {error} in line {reader.line_num}") from error


def _split_tabs(lines: Iterable[str]) -> Iterator[Row]:
    """Split lines at tabs. A quote is a character like others, but in a line with too many tabs it may protect some."""
    width = 0
    for number, whole in enumerate(lines, 1):
        line = whole.removesuffix("\n").removesuffix("\r")
        cells = line.split("\t")
        width = width or len(cells)
        if len(cells) > width and '"' in line:
            with contextlib.suppress(csv.Error):
                [cells] = csv.reader([line], delimiter="\t", strict=True)
        yield cells, number
