"""Predictions for inputs that have no labels: the plain data, and a table for a person."""

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tfopt.config.choices import Task
from tfopt.report.record import Record

MAX_WIDTH = 60
MAX_STEPS = 8


class Prediction(Record):
    """An answer: a class and its probability, a translation, or numbers in the units of the data.

    The numbers are a list, or of a forecast of several columns a list for each step.
    """

    input: str
    answer: str | list[float] | list[list[float]]
    probability: float | None = None


class Predictions(Record):
    """The answers of one model, in the order of the inputs."""

    model: str
    task: Task
    predictions: list[Prediction]
    versions: dict[str, str]


def render_predictions(report: Predictions) -> RenderableType:
    """Return the predictions for `rich.console.Console.print`: a row an input, of long forecasts the start."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in ("input", "answer", *(("probability",) if report.task == "classification" else ())):
        table.add_column(name, overflow="fold", justify="right" if name == "probability" else "left")
    for one in report.predictions:
        cells = [Text(_short(one.input)), Text(_answer(one.answer))]
        if report.task == "classification":
            cells.append(Text("" if one.probability is None else f"{one.probability:.1%}"))
        table.add_row(*cells)
    return table


def _short(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"


def _answer(answer: str | list[float] | list[list[float]]) -> str:
    if isinstance(answer, str):
        return answer
    steps = [" ".join(f"{v:.6g}" for v in step) if isinstance(step, list) else f"{step:.6g}" for step in answer]
    more = f", … ({len(steps)} steps)" if len(steps) > MAX_STEPS else ""
    return ", ".join(steps[:MAX_STEPS]) + more
