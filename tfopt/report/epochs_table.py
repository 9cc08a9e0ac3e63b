"""The epochs of a training that matter, as a table: the one whose weights were kept, and the last."""

from rich import box
from rich.console import RenderableType
from rich.table import Table

from tfopt.report.schema import Report

TITLES = {"loss": "loss", "accuracy": "accuracy", "mae": "MAE"}


def render_epochs(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return the table of epochs, all of them with `everything`; nothing if the report is not of one training."""
    if report.best_epoch is None or not report.history:
        return []
    last = len(report.history)
    names = [name for name in TITLES if name in report.history[-1]]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("epoch")
    for split in ("train", "val."):
        for name in names:
            table.add_column(f"{split} {TITLES[name]}", justify="right")
    for number in range(1, last + 1) if everything else sorted({report.best_epoch, last} - {0}):
        figures = report.history[number - 1]
        cells = [_cell(name, figures.get(prefix + name)) for prefix in ("", "val_") for name in names]
        table.add_row(_title(number, report.best_epoch, last), *cells)
    return [table]


def _title(number: int, best: int, last: int) -> str:
    return ", ".join([str(number), *(word for epoch, word in ((best, "best"), (last, "last")) if epoch == number)])


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if name == "accuracy" else f"{value:.4g}"
