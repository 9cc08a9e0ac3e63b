"""Tables with a label in each row: texts or numbers to classify or predict from, and texts with their translations."""

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.labels import encode_labels
from tfopt.data.lazy_arrays import mapped, pieces
from tfopt.data.raw_data import RawData
from tfopt.data.sample_weights import refuse_weights
from tfopt.data.several_labels import join_label_columns
from tfopt.data.splits import parse_split_name
from tfopt.data.stored_texts import count_distinct
from tfopt.data.tables import Table
from tfopt.errors import InputError
from tfopt.typing import Array

TEXT = ("text",)
SOURCE_TEXT = ("source", "source_text")
TARGET_TEXT = ("target", "target_text")
LABEL = ("label", "class", "target", "category")


def extract_labelled(table: Table, config: DataConfig, names: tuple[str, ...] | None) -> RawData:
    """Take samples and labels from the columns of a table that has a text or features in each row.

    Args:
        table: The table.
        config: The config; `text` and `label` name columns.
        names: The classes that a model remembers.

    Returns:
        Texts (N,) or features (N, F) with their labels (N,).

    Raises:
        InputError: If the columns cannot be told apart, or hold something else.
    """
    refuse_weights(str(table.path), table.columns)
    table, config, names = join_label_columns(table, config, names)
    parts = table.split_column()
    text, label, notes = _find_roles(table, config, [name for name in table.columns if name != parts])
    if text is None:
        return _extract_features(table, config, label, parts, names)
    table, more = _drop_blanks(table, text)
    labels = encode_labels(table, label, config.task, names)
    return RawData(
        _get_texts(table, text), labels.y, kind="tokens", task=labels.task, parts=_get_parts(table, parts),
        class_names=labels.names, notes=(*notes, *more, *labels.notes),
    )  # fmt: skip


def _find_roles(table: Table, config: DataConfig, columns: list[str]) -> tuple[str | None, str, list[str]]:
    """Find the column of the text (None for a table of numbers) and that of the label, and note what was guessed."""
    text = table.find_column(config.text, TEXT, "`text`")
    label = table.find_column(config.label, LABEL, "`label`")
    notes = []
    if text is None and label is None and not table.headed and len(columns) == 2:
        label, text = sorted(columns, key=lambda name: count_distinct(table.texts(name)))
        first, *rest = table.texts(label)
        count = len({first, *rest})
        if first not in rest:
            raise InputError(
                f"{table.path}: {table.place(0)} may be a header or a row; say with `text` and `label` which"
                " columns to use, or `task` translation for pairs of texts"
            )
        notes = [f"no header: column {label} with {count} values is taken as the label, column {text} as the text"]
    if label is None and text is not None and len(columns) == 2:
        [label] = set(columns) - {text}
    if label is None:
        raise InputError(
            f"{table.path} has no column called {', '.join(LABEL)}; say which it is with `label`: {table.column_list()}"
            f"{_hint_at_forecast(table)}"
        )
    others = [name for name in columns if name != label]
    if text is None and len(others) == 1 and not table.is_numeric(others[0]):
        text = others[0]
    if text == label:
        raise InputError(f"`text` and `label` both name the column {text} of {table.path}")
    return text, label, notes


def _extract_features(
    table: Table, config: DataConfig, label: str, parts: str | None, names: tuple[str, ...] | None
) -> RawData:
    columns = tuple(name for name in table.columns if name not in (label, parts))
    if not columns:
        raise InputError(f"{table.path} has no column but the label {label}")
    words = [name for name in columns if not table.is_numeric(name)]
    if words:
        [first] = table.texts(words[0])[:1]
        raise InputError(
            f"{table.path} has words in column {words[0]} ({first[:40]!r}); features are numbers, and a text to"
            f" classify is named with `text`{_hint_at_forecast(table)}"
        )
    labels = encode_labels(table, label, config.task, names)
    return RawData(
        table.matrix(columns), labels.y, kind="features", scale="standard", task=labels.task,
        parts=_get_parts(table, parts), class_names=labels.names, columns=columns, notes=labels.notes,
    )  # fmt: skip


def _hint_at_forecast(table: Table) -> str:
    date = table.date_column()
    return f"; column {date} holds dates: for a forecast give `horizon`, the steps to come" if date else ""


def extract_pairs(table: Table, config: DataConfig) -> RawData:
    """Take source texts as samples and target texts as their labels.

    Without names the table must have two columns besides that of the splits: source and target, in this order.

    Args:
        table: The table.
        config: The config; `source_text` and `target_text` name columns.

    Returns:
        Source texts (N,) and target texts (N,).

    Raises:
        InputError: If two columns are not to be found.
    """
    parts = table.split_column()
    columns = [name for name in table.columns if name != parts]
    source = table.find_column(config.source_text, SOURCE_TEXT, "`source_text`")
    target = table.find_column(config.target_text, TARGET_TEXT, "`target_text`")
    notes: list[str] = []
    if source is None and target is None and len(columns) == 2:
        source, target = columns
        notes = [f"column {source} is taken as the text to translate, column {target} as its translation"]
    if source is None or target is None or source == target:
        raise InputError(
            f"{table.path}: say with `source_text` and `target_text` which two columns hold the texts and their"
            f" translations: {table.column_list()}"
        )
    table, blanks = _drop_blanks(table, source, target)
    return RawData(
        _get_texts(table, source), _get_texts(table, target), kind="pairs", task="translation",
        parts=_get_parts(table, parts), notes=(*notes, *blanks),
    )  # fmt: skip


def _drop_blanks(table: Table, *columns: str) -> tuple[Table, list[str]]:
    """Leave out the rows that have nothing in one of `columns`, and say so."""
    kept = np.logical_and.reduce([_are_written(table.texts(name)) for name in columns])
    if kept.all():
        return table, []
    left, first = len(kept) - kept.sum(), table.place(kept.argmin())
    return table.rows(kept), [f"{left} rows without a text were left out, the first in {first}"]


def _get_texts(table: Table, column: str) -> Array:
    """Return the texts (N,) of a column."""
    return mapped(table.texts(column), _strip, (), object)


def _strip(texts: Array) -> Array:
    found = np.empty(len(texts), object)
    found[:] = [text.strip() for text in texts]
    return found


def _are_written(texts: Array) -> Array:
    """Tell of each text (N,) whether there is more to it than spaces."""
    return np.concatenate([np.strings.str_len(np.strings.strip(part)) > 0 for part in pieces(texts)])


def _get_parts(table: Table, column: str | None) -> Array | None:
    """Return the split (N,) that each row belongs to, if a column says so."""
    return np.array([parse_split_name(value) for value in table.texts(column)]) if column else None
