"""Labels as they are written become class indices, with the words they were, or numbers.

Words and few whole numbers are classes; fractions and many numbers are amounts to be predicted. The task of the config
overrules that, and a model that remembers its classes gives them the indices it learnt.
"""

from dataclasses import dataclass

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.several_labels import several_labels
from tfopt.data.tables import Table, is_number
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_WHOLE = 0.1  # whole numbers that take more values than this share of the rows are amounts, not classes
LEAST_VALUES = 20


@dataclass(frozen=True)
class Labels:
    """Class indices (N,), numbers (N,) of a regression, or several labels (N, K); `names` are those of classes."""

    y: Array
    task: Task
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def encode_labels(table: Table, column: str, task: Task | None, known: tuple[str, ...] | None) -> Labels:
    """Read the labels of a column as class indices or as numbers.

    Args:
        table: The table.
        column: The column of the labels.
        task: What to read them for; None lets the values say.
        known: The classes that a model remembers; None makes them of the values.

    Returns:
        The labels, with their task and the names of classes.

    Raises:
        InputError: If a row has no label, or one that is no number or unknown class.
    """
    if task == "multi-label":
        several = several_labels(table, column, known)
        return Labels(several.y, task, several.names)
    values = np.strings.strip(np.asarray(table.texts(column)))
    empty = np.strings.str_len(values) == 0
    if empty.any():
        raise InputError(f"{table.path} has no label in {table.place(empty.argmax())}, column {column}")
    if task not in (None, "classification", "regression"):
        raise InputError(f"{table.path} has labels in column {column}, which is no {task}")
    if known is not None and task != "regression":
        return _encode_known_classes(table, values, known)
    numeric = all(map(is_number, values))
    if task == "regression" or (task is None and numeric and are_continuous(values.astype(np.float64))):
        notes = () if task else (f"{column} takes many values: it is predicted as a number (`task` regression)",)
        return Labels(table.numbers(column), "regression", notes=notes)
    return _encode_classes(values, numeric)


def _encode_classes(values: Array, numeric: bool) -> Labels:
    distinct = set(values)
    names = tuple(sorted(distinct, key=(lambda v: (float(v), v)) if numeric else (lambda v: (0.0, v))))
    index = {name: i for i, name in enumerate(names)}
    return Labels(np.array([index[value] for value in values]), "classification", names)


def _encode_known_classes(table: Table, values: Array, names: tuple[str, ...]) -> Labels:
    index = {name: i for i, name in enumerate(names)}
    for row, value in enumerate(values):
        if value not in index:
            known = ", ".join(names[:10])
            raise InputError(
                f"{table.path} has the label {value[:40]!r} in {table.place(row)}, which the model does not know:"
                f" {known}"
            )
    return Labels(np.array([index[value] for value in values]), "classification", names)


def are_continuous(numbers: Array) -> bool:
    """Tell whether numbers (N,) are amounts rather than classes: some are no integers, or they take very many values.

    >>> are_continuous(np.array([0.0, 1.0, 1.0, 2.0])), are_continuous(np.array([0.5, 1.0]))
    (False, True)
    """
    distinct = len(np.unique(numbers))
    return bool((numbers != np.round(numbers)).any()) or distinct > max(LEAST_VALUES, MOST_WHOLE * len(numbers))
