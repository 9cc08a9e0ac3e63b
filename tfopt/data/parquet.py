"""Tables of Parquet files: columns of numbers and of texts as they are typed, and times as texts in ISO 8601.

A file of a few kilobytes can declare, or repeat, any number of values: it is held to what its size allows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.data.array_files import check_file
from tfopt.data.arrow_columns import (
    NUMBER_BYTES,
    TEXT_BYTES,
    Columns,
    check_texts,
    is_nested,
    is_number,
    text_bytes,
    to_numbers,
    to_texts,
)
from tfopt.data.column_blocks import ColumnBlock
from tfopt.data.tables import Table
from tfopt.errors import InputError, TfoptError
from tfopt.typing import Array
from tfopt.untrusted.limits import check_expansion

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

ROWS_AT_ONCE = 65_536
MOST_EXPANSION = 200  # times its size that a file may have in memory: columns of few values shrink a lot


@dataclass(frozen=True)
class ParquetOrigin:
    """A Parquet file, as the origin of a table."""

    path: Path

    def place(self, row: int) -> str:
        """Name a row."""
        return f"row {row + 1}"

    def texts(self, name: str) -> Array:
        """Read a column that became numbers again, as texts."""
        return _read_columns(self.path, [name], set())[0][name]


def read_parquet(path: Path, texts: set[str]) -> Table:
    """Read a Parquet file.

    Args:
        path: The file.
        texts: Columns that are wanted as they are written, even if they are numbers.

    Raises:
        InputError: If it is damaged, empty or larger than it can be, or a column holds neither numbers nor texts.
    """
    check_file(path)
    with _open(path) as file:
        schema, rows, names = file.schema_arrow, file.metadata.num_rows, list(file.schema_arrow.names)
    if not names or not rows:
        raise InputError(f"{path} has no rows")
    if len(set(names)) < len(names):
        raise InputError(f"{path} has two columns of the same name: {', '.join(names)[:200]}")
    for field in schema:
        if is_nested(field.type):
            raise InputError(
                f"{path} has the type {str(field.type)[:100]} in column {field.name}; a column of a table holds a"
                " number, a text or a time in each row"
            )
    numeric = {field.name for field in schema if field.name not in texts and is_number(field.type)}
    numbers, words = rows * len(numeric), rows * (len(names) - len(numeric))
    check_expansion(numbers * NUMBER_BYTES + words * TEXT_BYTES, path.stat().st_size, str(path), most=MOST_EXPANSION)
    check_texts(path, words)
    columns, block = _read_columns(path, names, numeric)
    return Table(path, columns, ParquetOrigin(path), block=block)


def _read_columns(path: Path, names: list[str], numeric: set[str]) -> tuple[dict[str, Array], ColumnBlock | None]:
    """Read columns as float32 if they are in `numeric`, else as texts."""
    stored, size = path.stat().st_size, 0
    words = [name for name in names if name not in numeric]
    with _open(path, words) as file:
        columns = Columns(file.metadata.num_rows, names, numeric)
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=names):
            size += sum(text_bytes(batch.column(name)) for name in words)
            check_expansion(size, stored, str(path), most=MOST_EXPANSION)
            cells = ((name in numeric, batch.column(name)) for name in names)
            columns.append(to_numbers(column) if number else to_texts(column) for number, column in cells)
        if len(columns) != file.metadata.num_rows:
            raise ValueError(f"it has {len(columns)} rows, but declares {file.metadata.num_rows}")
    return columns.filled()


@contextmanager
def _open(path: Path, words: list[str] | None = None) -> "Iterator[ParquetFile]":
    """Open a file; texts of the columns `words` that are repeated are held once."""
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, read_dictionary=words, page_checksum_verification=True) as file:
            yield file
    except TfoptError:
        raise
    except Exception as error:  # pyarrow raises whatever a damaged file makes it stumble over
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} is no .parquet file or is damaged: {reason}") from error
