"""The figures of each class, a table of each model: where a metric was asked for, or with `-v`."""

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from tfopt.report.metrics import ClassFigure, ClassTable
from tfopt.report.schema import Measurement, Report

MOST_SHOWN = 10  # classes, without -v
EMPTY = "[dim]-[/]"
CONFUSION = "true, and said"


def render_classes(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return a table of the classes for each model, and with `everything` what was taken for what."""
    tables: list[RenderableType] = []
    for one in report.measurements:
        if one.classes is None or not (everything or (one.metric and len(one.classes.classes) <= MOST_SHOWN)):
            continue
        tables.append(_figures(one, one.classes))
        if everything and one.classes.confusion:
            tables.append(_confusion(one, one.classes, one.classes.confusion))
    return tables


def _figures(one: Measurement, found: ClassTable) -> Table:
    table = _table()
    areas = any(figure.iou is not None for figure in found.classes)
    for title in (escape(one.name), "precision", "recall", "F1", *(["IoU"] if areas else []), "support"):
        table.add_column(title, justify="left" if title == escape(one.name) else "right")
    for figure in found.classes:
        shares = [figure.precision, figure.recall, figure.f1, *([figure.iou] if areas else [])]
        table.add_row(_name(figure), *map(_cell, shares), f"{figure.support:,}")
    return table


def _confusion(one: Measurement, found: ClassTable, counts: list[list[int]]) -> Table:
    """A row for each class that is true, a column for each that was said."""
    table = _table()
    table.add_column(f"{escape(one.name)}: {CONFUSION}")
    for figure in found.classes:
        table.add_column(_name(figure), justify="right")
    for figure, row in zip(found.classes, counts, strict=True):
        table.add_row(_name(figure), *(f"{count:,}" if count else EMPTY for count in row))
    return table


def _name(figure: ClassFigure) -> str:
    return escape(figure.name)


def _cell(share: float | None) -> str:
    return EMPTY if share is None else f"{share:.1%}"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
