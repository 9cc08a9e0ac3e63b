"""Several labels a row of a table: a column of 0 and 1 for each, or one column with | or ; between the words."""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.tables import Table
from tfopt.errors import InputError
from tfopt.typing import Array

BETWEEN, JOINED = re.compile("[|;]"), "|"


class SeveralLabels(NamedTuple):
    """Labels (N, K) of 0 and 1, and their names."""

    y: Array
    names: tuple[str, ...]


def several_labels(table: Table, column: str, known: tuple[str, ...] | None) -> SeveralLabels:
    """Read the labels of a column that has several in a row, or none.

    Args:
        table: The table.
        column: The column.
        known: The labels that a model remembers; None makes them of the rows.

    Raises:
        InputError: If there are fewer than two labels, or one that the model does not know.
    """
    rows = [{word.strip() for word in BETWEEN.split(str(value))} - {""} for value in table.texts(column)]
    names = known or tuple(sorted(set().union(*rows)))
    for at, row in enumerate(rows):
        if not row <= set(names):
            raise InputError(
                f"{table.path} has the label {min(row - set(names))[:40]!r} in {table.place(at)}, which the model does"
                f" not know: {', '.join(names[:10])}"
            )
    if len(names) < 2:
        raise InputError(f"{table.path} has fewer than two labels in column {column}: `task` multi-label needs more")
    return SeveralLabels(np.array([[name in row for name in names] for row in rows], np.int64), names)


def join_label_columns(
    table: Table, config: DataConfig, known: tuple[str, ...] | None
) -> tuple[Table, DataConfig, tuple[str, ...] | None]:
    """Make one column of those of 0 and 1 that `label` names with commas between them.

    Returns:
        The table with that column, the config that asks for it, and the names of the labels; all as they were if
        `label` names one column or none.

    Raises:
        InputError: If a column is not there or holds something else, or if another task is asked for.
    """
    if config.label is None or "," not in config.label or config.label in table.columns:
        return table, config, known
    names = tuple(name.strip() for name in config.label.split(","))
    for name in names:
        table.find_column(name, (), "`label`")
    if config.task not in (None, "multi-label"):
        raise InputError(f"`label` names {len(names)} columns, which is `task` multi-label and not {config.task}")
    given = np.stack([_is_given(table, name) for name in names], axis=1)
    joined = np.array([JOINED.join(name for name, one in zip(names, row, strict=True) if one) for row in given])
    joined = joined.astype(np.dtypes.StringDType())
    columns = {name: values for name, values in table.columns.items() if name not in names}
    one_column = replace(table, columns={**columns, config.label: joined})
    return one_column, config.model_copy(update={"task": "multi-label"}), known or names


def _is_given(table: Table, column: str) -> Array:
    numbers = table.numbers(column)
    wrong = np.flatnonzero(~np.isin(numbers, (0, 1)))
    if len(wrong):
        raise InputError(
            f"{table.path} has {numbers[wrong[0]]:g} in {table.place(wrong[0])}, column {column}: the columns of"
            " several labels hold 0 and 1"
        )
    given: Array = numbers == 1
    return given
