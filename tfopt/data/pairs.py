"""Tables of texts and their translations."""

from tfopt.data.config import DataConfig
from tfopt.data.labelled_tables import parts_of, texts_of, without_blanks
from tfopt.data.raw import Raw
from tfopt.data.tables import Table
from tfopt.errors import InputError


def pairs(table: Table, config: DataConfig) -> Raw:
    """Source texts as samples and target texts as their labels; raise `InputError` if two columns are not to be found.

    Without names the table must have two columns besides that of the splits: source and target, in this order.
    """
    parts = table.parts()
    columns = [name for name in table.columns if name != parts]
    source = table.named(config.source_text, ("source", "source_text"), "--source-text")
    target = table.named(config.target_text, ("target", "target_text"), "--target-text")
    notes: list[str] = []
    if source is None and target is None and len(columns) == 2:
        source, target = columns
        notes = [f"column {source} is taken as the text to translate, column {target} as its translation"]
    if source is None or target is None or source == target:
        raise InputError(
            f"{table.path}: say with --source-text and --target-text which two columns hold the texts and their"
            f" translations: {table.listed()}"
        )
    table, blanks = without_blanks(table, source, target)
    return Raw(
        texts_of(table, source), texts_of(table, target), kind="pairs", task="translation",
        parts=parts_of(table, parts), notes=(*notes, *blanks),
    )  # fmt: skip
