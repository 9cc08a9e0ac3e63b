"""Tables of comma- or tab-separated text, plain or gzipped: columns of numbers, and of texts where they are none.

pyarrow reads them: 300,000 rows of 20 numbers in 0.7 s of a processor, one in Python took 4.4 s. polars is as
large (170 MB), takes half a second to be imported, and takes a short row for one with empty cells. pyarrow refuses rows
that are too short or too long without their lines, and forgives quotes that stand wrong: so quotes are looked through
by `delimited_rows` first. What pyarrow stumbles over is named with its line by that, or read if it only looks odd.
"""

import csv
import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfopt.data.arrow_columns import MOST_TEXTS, Columns, check_texts, to_numbers, to_texts
from tfopt.data.delimited_rows import Row, is_tabbed, read_rows
from tfopt.data.tables import LOOKED_AT, MISSING, Table, is_number
from tfopt.data.text_files import Content, check_text, open_text
from tfopt.errors import InputError
from tfopt.typing import Array

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 4 << 20  # bytes that pyarrow parses at once; a row that is longer is for the reader of Python
CELLS_AT_ONCE = 300_000
WRITTEN = ("text", "label", "class", "target", "category")  # columns that are wanted as they are written
KNOWN = (*WRITTEN, "split", "date")


@dataclass(frozen=True)
class TextFile:
    """A file of text, as the origin of a table; `blank` are its rows that the table does not have."""

    path: Path
    names: tuple[str, ...]
    headed: bool
    skipped: int  # lines, up to the header
    blank: tuple[int, ...] = ()

    def place(self, row: int) -> str:
        """Name the line of a row."""
        _, line = next(itertools.islice(read_rows(self.path), self.headed + row, None))
        return f"line {line}"

    def texts(self, name: str) -> Array:
        """Read a column that became numbers again, as it is written."""
        parts = [to_texts(batch.column(0)) for batch in _read_batches(self, set(), [name])]
        return np.delete(np.concatenate(parts), self.blank)


def read_text_table(path: Path, names: set[str], texts: set[str]) -> Table:
    """Read a table of comma- or tab-separated values.

    The first line is a header if it has one of `names` or of the names that are usual, or words above numbers.

    Args:
        path: The file: .csv or .tsv, also with .gz.
        names: Names of columns that were asked for.
        texts: Those of them that are wanted as they are written, even if they are numbers.

    Raises:
        InputError: If it is no text, no table or empty.
    """
    content = check_text(path, "\t" if is_tabbed(path) else ",")
    rows = read_rows(path)
    first = list(itertools.islice(rows, 1 + LOOKED_AT))
    if not first:
        raise InputError(f"{path} is empty")
    file, body = _take_header(path, first, names)
    wanted = {*WRITTEN, *map(str.lower, texts)}
    numeric = {
        name
        for name, cells in zip(file.names, zip(*body, strict=True), strict=True)
        if name.lower() not in wanted and _are_numbers(cells)
    }
    check_texts(path, content.cells * (len(file.names) - len(numeric)) // len(file.names))
    found = _read_quickly(file, numeric, content, rows)
    if found is None and content.cells > MOST_TEXTS:
        _explain(file, numeric)
        check_texts(path, content.cells)
    columns, blank = found or (_read_slowly(file, content), ())
    held, block = columns.filled()
    return Table(path, held, replace(file, blank=blank), file.headed, block=block)


def _take_header(path: Path, first: list[Row], names: set[str]) -> tuple[TextFile, list[list[str]]]:
    """Return the file with the names of its columns, and the first rows after its header."""
    rows = [row for row, _ in first]
    width = len(rows[0])
    headed = _is_header(rows, {*KNOWN, *map(str.lower, names)})
    header = [name.strip() for name in rows[0]] if headed else [str(i + 1) for i in range(width)]
    if len(set(header)) < width:
        raise InputError(f"{path} has two columns of the same name in its header: {', '.join(header)[:200]}")
    if len(rows) == headed:
        raise InputError(f"{path} has a header but no rows")
    return TextFile(path, tuple(header), headed, first[0][1] if headed else 0), rows[headed:]


def _is_header(rows: list[list[str]], names: set[str]) -> bool:
    first, rest = rows[0], rows[1 : 1 + LOOKED_AT]
    if names & {cell.strip().lower() for cell in first}:
        return True
    columns = zip(*rest, strict=True)
    return any(
        cell.strip().lower() not in MISSING and not is_number(cell) and all(map(is_number, column))
        for cell, column in zip(first, columns, strict=bool(rest))
    )


def _are_numbers(cells: tuple[str, ...]) -> bool:
    return any(cells) and all(is_number(cell) for cell in cells if cell)


def _read_quickly(
    file: TextFile, numeric: set[str], content: Content, rows: Iterator[Row]
) -> tuple[Columns, tuple[int, ...]] | None:
    """Read a file with pyarrow; None if it cannot. `rows` are those that nobody has looked at, for strange quotes."""
    import pyarrow as pa
    from pyarrow.types import is_floating

    if is_tabbed(file.path) and content.returns:  # they end no lines there
        return None
    if content.quotes and not is_tabbed(file.path):
        for _ in rows:
            pass
    columns = Columns(content.most_rows(len(file.names)), file.names, numeric)
    blank: list[int] = []
    done = 0
    with suppress(pa.ArrowInvalid):
        for batch in _read_batches(file, numeric):
            if _longest(batch) > csv.field_size_limit():
                return None
            left_out = _find_blank_rows(batch)
            cells = (to_numbers(one) if is_floating(one.type) else to_texts(one) for one in batch.columns)
            columns.append(np.delete(part, left_out) if len(left_out) else part for part in cells)
            blank.extend(done + row for row in left_out)
            done += batch.num_rows
        return columns, tuple(blank)
    return None


def _read_batches(file: TextFile, numeric: set[str], only: list[str] | None = None) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

    tabs = is_tabbed(file.path)
    types = {name: pa.float64() if name in numeric else pa.string() for name in file.names}
    with open_text(file.path) as content:
        yield from open_csv(
            content,
            ReadOptions(use_threads=False, block_size=BLOCK, skip_rows=file.skipped, column_names=file.names),
            ParseOptions(
                delimiter="\t" if tabs else ",", quote_char=False if tabs else '"', newlines_in_values=not tabs,
                invalid_row_handler=lambda row: "error" if row.text.strip(' \t,"') else "skip",
            ),
            ConvertOptions(
                column_types=types, include_columns=only, null_values=[""], strings_can_be_null=False
            ),
        )  # fmt: skip


def _longest(batch: "pa.RecordBatch") -> int:
    """Return the length of the longest text in bytes."""
    import pyarrow as pa
    from pyarrow import compute

    texts = (column for column in batch.columns if pa.types.is_string(column.type))
    return max((compute.max(compute.binary_length(column)).as_py() or 0 for column in texts), default=0)


def _find_blank_rows(batch: "pa.RecordBatch") -> Array:
    """Return the rows (N,) that have nothing in any column."""
    import pyarrow as pa
    from pyarrow import compute

    rows = np.arange(batch.num_rows)
    for column in batch.columns:
        if not len(rows):
            break
        cells = column if len(rows) == batch.num_rows else column.take(pa.array(rows))
        written = pa.types.is_string(cells.type)
        empty = compute.equal(compute.utf8_trim_whitespace(cells), "") if written else cells.is_null()
        rows = rows[empty.to_numpy(zero_copy_only=False)]
    return rows


def _explain(file: TextFile, numeric: set[str]) -> None:
    """Raise `InputError` for what is wrong with a row, or with the first value that is no number where all else are."""
    for row, line in itertools.islice(read_rows(file.path), file.headed, None):
        for name, cell in zip(file.names, row, strict=True):
            if name in numeric and cell and not is_number(cell):
                raise InputError(f"{file.path} has {cell[:40]!r}, no number, in line {line}, column {name}")


def _read_slowly(file: TextFile, content: Content) -> Columns:
    """Read all columns as texts; raise `InputError` for what is wrong with a row."""
    columns = Columns(content.most_rows(len(file.names)), file.names, ())
    rows = (row for row, _ in itertools.islice(read_rows(file.path), file.headed, None))
    while part := list(itertools.islice(rows, max(1, CELLS_AT_ONCE // len(file.names)))):
        columns.append(np.array(cells, np.dtypes.StringDType()) for cells in zip(*part, strict=True))
    return columns
