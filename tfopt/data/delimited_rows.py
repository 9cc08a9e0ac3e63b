"""Rows of comma- or tab-separated text, one by one, by the strict reader of Python, with the numbers of their lines.

It is slow, but it names what is wrong: the reader of `text_tables`, which is fast, cannot.
"""

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from tfopt.data.text_files import decode_lines
from tfopt.errors import InputError

Row: TypeAlias = tuple[list[str], int]

MOST_COLUMNS = 100_000


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the cells of the lines that are not blank, and the numbers of those lines.

    Raises:
        InputError: If a quote is not closed or stands where none may, or a row has more or fewer cells than the first.
    """
    lines = decode_lines(path)
    found = _split_tabs(lines) if is_tabbed(path) else _split_commas(lines, path)
    width, first = 0, 0
    for row, line in found:
        if not any(row) or not any(cell.strip() for cell in row):
            continue
        width, first = width or len(row), first or line
        if len(row) != width:
            raise InputError(f"{path} has {len(row)} columns in line {line}, but {width} in line {first}")
        if width > MOST_COLUMNS:
            raise InputError(f"{path} has {width:,} columns; at most {MOST_COLUMNS:,} are read")
        yield row, line


def is_tabbed(path: Path) -> bool:
    """Tell whether tabs separate the cells of a file, not commas."""
    return path.name.endswith((".tsv", ".tsv.gz"))


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
        width = width or (len(cells) if line.strip() else 0)
        if len(cells) > width and '"' in line:
            with contextlib.suppress(csv.Error):
                [cells] = csv.reader([line], delimiter="\t", strict=True)
        yield cells, number
