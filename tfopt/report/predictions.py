"""Predictions for inputs that have no labels: the plain data, and a table for a person."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tfopt.config.choices import Task
from tfopt.report.record import Endless, Record

MAX_WIDTH = 60
MAX_COLUMNS = 8  # of a forecast
MAX_ROWS = 20  # answers that are shown unless all are asked for
PROBABILITIES: dict[str, tuple[str, ...]] = {
    "classification": ("probability",),
    "multi-label": ("probabilities",),
    "anomaly": ("error",),
}
LARGE = 1000  # of which a forecast shows whole numbers


class OutputAnswer(Record):
    """The answer of one of several outputs: a class, or numbers, flat."""

    name: str
    answer: str | list[float]

    @property
    def text(self) -> str:
        """The answer as text."""
        return _answer(self.answer)


class Prediction(Record):
    """An answer: a class and its probability, labels, a translation, or numbers in the units of the data.

    The numbers are a list, or of a forecast of several columns a list for each step. `times` are those of the steps of
    a forecast, `unknown` the words of a text that the model does not know. Of several `outputs` each has its answer,
    and of several `labels` each its probability. Of a mask `shares` are those of its classes; `file` is where a mask or
    an image was written. A sample that may be anomalous has an `error`.
    """

    input: str
    answer: str | list[float] | list[list[float]]
    probability: float | None = None
    labels: dict[str, float] | None = None
    error: Endless | None = None
    times: list[str] | None = None
    unknown: tuple[str, ...] = ()
    outputs: tuple[OutputAnswer, ...] = ()
    shares: dict[str, float] | None = None
    file: str | None = None


class Predictions(Record):
    """The answers of one model, in the order of the inputs; `columns` are those that a forecast is about."""

    model: str
    task: Task
    columns: list[str] | None = None
    predictions: list[Prediction]
    notes: tuple[str, ...] = ()
    versions: dict[str, str]


def render_predictions(report: Predictions, *, everything: bool = False) -> RenderableType:
    """Return the predictions for `rich.console.Console.print`: a row an input, or of a forecast a row a step.

    Args:
        report: The predictions.
        everything: Whether to show all of them, and not only the first.
    """
    forecast = report.task == "forecasting"
    shown = report.predictions if everything else report.predictions[:MAX_ROWS]
    more = len(report.predictions) - len(shown)
    tables = [_forecast(one, report.columns) for one in shown] if forecast else [_answers(shown, report.task)]
    rest = [Text(f"... {more:,} more; --json has all, and -v shows them", style="dim")] if more else []
    notes = list(report.notes)
    if forecast and len(report.columns or []) > MAX_COLUMNS:
        notes.append(
            f"the first {MAX_COLUMNS} of {len(report.columns or [])} columns are shown; --json has all of them"
        )
    return Group(*tables, *rest, *(Text(f"note: {note}") for note in notes))


def _answers(predictions: Sequence[Prediction], task: Task) -> Table:
    table = _table()
    for name in ("input", "answer", *(PROBABILITIES.get(task, ()))):
        table.add_column(name, overflow="fold", justify="right" if name == "probability" else "left")
    for one in predictions:
        cells = [Text(_short(one.input)), Text(_answer(one.answer))]
        if task == "classification":
            cells.append(Text("" if one.probability is None else f"{one.probability:.1%}"))
        if one.error is not None:
            cells.append(Text(f"{one.error:.4g}"))
        if one.labels:
            likely = sorted(one.labels.items(), key=lambda label: -label[1])[:MAX_COLUMNS]
            cells.append(Text(", ".join(f"{_short(label)} {share:.1%}" for label, share in likely)))
        table.add_row(*cells)
    return table


def _forecast(one: Prediction, columns: list[str] | None) -> Table:
    """Return a table of the steps to come: when, and a number for each column."""
    rows = [step if isinstance(step, list) else [step] for step in one.answer if not isinstance(step, str)]
    table = _table()
    table.add_column(one.input, no_wrap=True)
    names = columns if columns and rows and len(columns) == len(rows[0]) else [str(i + 1) for i in range(len(rows[0]))]
    for name in names[:MAX_COLUMNS]:
        table.add_column(Text(_short(name)), justify="right", overflow="fold")
    for time, row in zip(one.times or [], rows, strict=True):
        table.add_row(Text(time), *(_number(value) for value in row[:MAX_COLUMNS]))
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < LARGE else f"{value:.0f}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"


def _answer(answer: str | list[float] | list[list[float]]) -> str:
    if isinstance(answer, str):
        return answer
    return ", ".join(" ".join(f"{v:.6g}" for v in step) if isinstance(step, list) else f"{step:.6g}" for step in answer)
