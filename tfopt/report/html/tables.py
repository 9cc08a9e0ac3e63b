"""Tables of a page: those that the terminal shows, as plain text, and those of what it leaves out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tfopt.report.cells import BASELINE, ROWS, pairs_of
from tfopt.report.class_tables import CONFUSION, render_classes
from tfopt.report.figures import EMPTY
from tfopt.report.fitting import Fitting
from tfopt.report.front_table import TITLES, format_cost, format_lost
from tfopt.report.schema import Report

RENDERED = {"bold": "chosen", "dim": "dim"}
LONG = 24  # rows


@dataclass(frozen=True)
class Row:
    """A row of plain cells; `tone` is a class of the style sheet."""

    cells: Sequence[str]
    tone: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table with a caption; the first cell of a row is its heading, columns in `numbers` are set to the right.

    One that is `folded` is opened by a click.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Row]
    numbers: frozenset[int] = frozenset()
    folded: bool = False

    @property
    def long(self) -> bool:
        """True if it has so many rows that a reader may want to fold it."""
        return len(self.rows) > LONG


def measurements_table(report: Report) -> PageTable:
    """Return a row for each figure that was found, and a column for each artifact."""
    pairs = pairs_of(report)
    found = ((label, [cell(*pair) for pair in pairs]) for label, cell in ROWS)
    rows = [
        Row([label.strip(), *map(plain, cells)])
        for label, cells in found
        if any(text not in (EMPTY, BASELINE, "") for text in cells)
    ]
    names = [f"{m.name} (control)" if m is report.control else m.name for m, _ in pairs]
    return PageTable("Figures of each file, and how they differ from the first", ["figure", *names], rows)


def front_table(report: Report) -> PageTable:
    """Return the files of a front, the cheapest first, and the recipe that makes each again."""
    names = [name for name in TITLES if name in report.front[0].costs]
    rows = []
    for point in report.front:
        costs = [format_cost(name, point.costs[name]) if name in point.costs else "-" for name in names]
        state = "chosen" if point.chosen else "keeps to all limits" if point.holds else "exceeds a limit"
        recipe = Path(point.file).with_suffix(".yaml").name
        cells = [str(point.number), *costs, format_lost(point), state, point.made, point.file, recipe]
        rows.append(Row(cells, "chosen" if point.chosen else "" if point.holds else "dim"))
    columns = ["number", *(TITLES[name] for name in names), "lost on validation", "limits", "how", "file", "recipe"]
    return PageTable("Files of the front, the cheapest first", columns, rows, frozenset(range(1, len(names) + 1)))


def history_table(report: Report) -> PageTable:
    """Return the losses and metrics of every epoch."""
    names = list(dict.fromkeys(name for epoch in report.history for name in epoch))
    rows = []
    for number, epoch in enumerate(report.history, 1):
        best = number == report.best_epoch
        figures = [format_metric(name, epoch[name]) if name in epoch else "-" for name in names]
        rows.append(Row([f"{number}{', best' if best else ''}", *figures], "chosen" if best else ""))
    columns = ["epoch", *(name.replace("val_", "validation ").replace("_", " ") for name in names)]
    return PageTable("Losses and metrics of each epoch", columns, rows, frozenset(range(1, len(columns))))


def importances_table(report: Report) -> PageTable:
    """Return how much each option of a search mattered."""
    rows = [Row([name.replace("_", " "), f"{share:.1%}"]) for name, share in report.importances.items()]
    return PageTable("Importance of each option", ["option", "share"], rows, frozenset({1}))


def class_tables(report: Report) -> list[PageTable]:
    """Return the figures of the classes for each model, and folded what was taken for what."""
    counts = "counts of answers, a row for each true class and a column for what was said"
    return [
        replace(one, caption=f"{one.columns[0].removesuffix(f': {CONFUSION}')}: {counts}", folded=True)
        if one.columns[0].endswith(CONFUSION)
        else replace(one, caption=f"{one.columns[0]}: figures of each class")
        for one in rendered(render_classes, report, "")
    ]


def rendered(render: Callable[..., Iterable[object]], report: Report, caption: str) -> list[PageTable]:
    """Return the tables that a function of the terminal makes."""
    shown = [one.choices[0] if isinstance(one, Fitting) else one for one in render(report, everything=True)]
    return [_of_rich(one, caption) for one in shown if isinstance(one, Table)]


def _of_rich(table: Table, caption: str) -> PageTable:
    columns = [plain(column.header) for column in table.columns]
    cells = zip(*(map(plain, column.cells) for column in table.columns), strict=True)
    rows = [Row(row, RENDERED.get(str(one.style), "")) for row, one in zip(cells, table.rows, strict=True)]
    right = {place for place, column in enumerate(table.columns) if column.justify == "right"}
    return PageTable(caption, columns, rows, frozenset(right))


def plain(cell: object) -> str:
    """Return a cell of the terminal without its markup."""
    return Text.from_markup(str(cell)).plain.strip()


def format_metric(name: str, value: float) -> str:
    """Write a figure of an epoch: accuracies as shares, others with four digits."""
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"
