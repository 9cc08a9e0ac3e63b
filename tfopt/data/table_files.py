"""Files that hold a table, each read by the reader of its format."""

from collections.abc import Sequence
from pathlib import Path

from tfopt.data.parquet import read_parquet
from tfopt.data.tables import Table
from tfopt.data.text_tables import read_text_table


def read_table(path: Path, names: Sequence[str | None] = (), texts: Sequence[str | None] = ()) -> Table:
    """Read a table.

    Args:
        path: The file: .csv or .tsv, also with .gz, or .parquet.
        names: Names of columns that were asked for; a first line of text that has one of them is a header.
        texts: More such names, of columns that are wanted as they are written.

    Raises:
        InputError: If it is no table, is damaged or empty.
    """
    if path.suffix == ".parquet":
        return read_parquet(path, {name for name in texts if name})
    return read_text_table(path, {name for name in (*names, *texts) if name}, {name for name in texts if name})
