"""Tables as data: a series if a forecast is asked for, pairs for a translation, else rows with a label."""

from pathlib import Path

from tfopt.data.config import TABLES, DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.labelled_tables import SOURCE_TEXT, TARGET_TEXT, extract_labelled, extract_pairs
from tfopt.data.raw_data import RawData
from tfopt.data.series import Series, extract_series
from tfopt.data.stored_texts import count_distinct
from tfopt.data.table_files import read_table
from tfopt.data.tables import Table


class TableFormat(DataFormat):
    """Files that hold a table."""

    name = "table"
    suffixes = TABLES

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
        """Read a table and take from it what the config asks for."""
        texts = (config.text, config.label, config.source_text, config.target_text)
        return take_from_table(read_table(path, (config.target,), texts), config, class_names)


def take_from_table(table: Table, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
    """Take a series, pairs of texts, or samples with labels from a table, as the config asks.

    Raises:
        InputError: If it does not hold them.
    """
    if config.horizon is not None or config.task == "forecasting":
        return extract_series(table)
    if (
        config.source_text
        or config.target_text
        or config.task == "translation"
        or _are_pairs(table, config, class_names)
    ):
        return extract_pairs(table, config)
    return extract_labelled(table, config, class_names)


def _are_pairs(table: Table, config: DataConfig, class_names: tuple[str, ...] | None) -> bool:
    """Tell whether columns called source and target hold texts that hardly repeat, and nothing else was asked for."""
    asked = (config.text, config.label, config.task, config.target, class_names)
    source, target = (table.find_column(None, names, "") for names in (SOURCE_TEXT, TARGET_TEXT))
    if any(asked) or source is None or target is None or table.is_numeric(source) or table.is_numeric(target):
        return False
    return count_distinct(table.texts(target)) > len(table) / 2
