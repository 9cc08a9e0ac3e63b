"""Tables of text files, comma- or tab-separated, plain or gzipped: read whole, checked, and asked by column name."""

import contextlib
import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfopt.data.arrays import check_file
from tfopt.data.rows import part
from tfopt.errors import InputError
from tfopt.untrusted.limits import check_expansion

Array = NDArray[Any]

MISSING = ("", "na", "n/a", "nan", "null", "none")
LOOKED_AT = 20
LONGEST_NUMBER = 100
AT_ONCE = 1 << 20
MOST_EXPANSION = 200  # times its size that a table may have when unzipped; DEFLATE reaches 1032
MOST_CELLS = 20_000_000  # each takes about 60 bytes
KNOWN = ("text", "label", "class", "target", "category", "split", "date")


@dataclass(frozen=True)
class Table:
    """Columns of texts by their names, in order (1, 2, ... without a header), and the lines that the rows stood in."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]
    headed: bool

    def named(self, wanted: str | None, known: tuple[str, ...], option: str) -> str | None:
        """The column `wanted`, else the first that is called as one of `known`; raise `InputError` if it is missing."""
        if wanted is None:
            called = {name.lower(): name for name in self.columns} if self.headed else {}
            return next((called[name] for name in known if name in called), None)
        if wanted in self.columns:
            return wanted
        close = difflib.get_close_matches(wanted, self.columns, n=1)
        meant = f"did you mean {close[0]}?" if close else f"its columns are {self.listed()}"
        raise InputError(f"{self.path} has no column {wanted} for {option}: {meant}")

    def listed(self) -> str:
        """The names of the columns."""
        return ", ".join(self.columns) + ("" if self.headed else " (there is no header, so they are counted)")

    def parts(self) -> str | None:
        """The column that says which split a row belongs to: all its values are names of splits."""
        for name, values in self.columns.items():
            found = {part(value) for value in set(values)}
            if "train" in found and None not in found:
                return name
        return None

    def rows(self, kept: list[int]) -> "Table":
        """The same table with some of its rows."""
        columns = {name: [values[i] for i in kept] for name, values in self.columns.items()}
        return Table(self.path, columns, [self.lines[i] for i in kept], self.headed)

    def numeric(self, name: str) -> bool:
        """Whether a column looks like numbers, judged by the first values that are not missing."""
        values = [value for value in self.columns[name] if value.strip().lower() not in MISSING]
        return any(is_number(value) for value in values[:LOOKED_AT])

    def numbers(self, name: str) -> Array:
        """A column (N,) of float64; raise `InputError` naming the line of what is none."""
        values = self.columns[name]
        try:
            if max(map(len, values)) > LONGEST_NUMBER:  # an array of texts has room for the longest in every row
                raise ValueError
            found = np.array(values, dtype=str).astype(np.float64)
        except ValueError:
            found = np.array([float(value) if is_number(value) else np.nan for value in values])
        wrong = np.flatnonzero(~np.isfinite(found.astype(np.float32)))
        if len(wrong):
            value = values[wrong[0]].strip()
            what = "no value" if value.lower() in MISSING else f"{value[:40]!r}, no number"
            raise InputError(f"{self.path} has {what} in line {self.lines[wrong[0]]}, column {name}")
        return found


def is_number(text: str) -> bool:
    """Whether `text` reads as a number that is finite."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def read_table(path: Path, names: tuple[str | None, ...] = ()) -> Table:
    """Read a table; raise `InputError` if it is no text, no table or empty.

    The first line is a header if it has one of `names` or of the names that are usual, or words above numbers.
    """
    rows, lines = _rows(path)
    if not rows:
        raise InputError(f"{path} is empty")
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise InputError(f"{path} has {len(row)} columns in line {line}, but {width} in line {lines[0]}")
    headed = _is_header(rows, {*KNOWN, *(name.lower() for name in names if name)})
    header = [name.strip() for name in rows[0]] if headed else [str(i + 1) for i in range(width)]
    if len(set(header)) < width:
        raise InputError(f"{path} has two columns of the same name in its header: {', '.join(header)}")
    body = rows[1:] if headed else rows
    if not body:
        raise InputError(f"{path} has a header but no rows")
    columns = dict(zip(header, (list(column) for column in zip(*body, strict=True)), strict=True))
    return Table(path, columns, lines[1:] if headed else lines, headed)


def _is_header(rows: list[list[str]], names: set[str]) -> bool:
    first, rest = rows[0], rows[1 : 1 + LOOKED_AT]
    if names & {cell.strip().lower() for cell in first}:
        return True
    columns = zip(*rest, strict=True)
    return any(
        cell.strip().lower() not in MISSING and not is_number(cell) and all(map(is_number, column))
        for cell, column in zip(first, columns, strict=bool(rest))
    )


def _rows(path: Path) -> tuple[list[list[str]], list[int]]:
    """Cells of the lines that are not blank, and the numbers of those lines."""
    text = _text(path)
    found = _tabs(text) if path.name.endswith((".tsv", ".tsv.gz")) else _commas(text, path)
    rows: list[list[str]] = []
    lines: list[int] = []
    cells = 0
    for row, line in found:
        if any(cell.strip() for cell in row):
            rows.append(row)
            lines.append(line)
        cells += max(1, len(row))
        if cells > MOST_CELLS:
            raise InputError(f"{path} has more than {MOST_CELLS:,} cells, too many for memory; save arrays as .npz")
    return rows, lines


def _commas(text: str, path: Path) -> Iterator[tuple[list[str], int]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((row, reader.line_num) for row in reader)
    except csv.Error as error:
        raise InputError(f"{path} is no table of comma-separated values: {error} in line {reader.line_num}") from error


def _tabs(text: str) -> Iterator[tuple[list[str], int]]:
    """Quotes are characters like others, but where a line has too many tabs, they may stand around one."""
    lines = text.replace("\r\n", "\n").split("\n")
    width = lines[0].count("\t") + 1 if lines else 0
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if len(cells) > width and '"' in line:
            with contextlib.suppress(csv.Error):
                [cells] = csv.reader([line], delimiter="\t", strict=True)
        yield cells, number


def _unzipped(path: Path) -> bytes:
    """The whole content; raise `InputError` for a bomb, however it says that it is none."""
    stored = path.stat().st_size
    content = bytearray()
    with gzip.open(path) as file:
        while part := file.read(AT_ONCE):
            content += part
            check_expansion(len(content), stored, str(path), most=MOST_EXPANSION)
    return bytes(content)


def _text(path: Path) -> str:
    check_file(path)
    try:
        content = _unzipped(path) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no gzip file or is damaged") from error
    if b"\0" in content:
        raise InputError(f"{path} is no text file: it has zero bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} is not in UTF-8: line {line} cannot be read; save it in that encoding") from error
