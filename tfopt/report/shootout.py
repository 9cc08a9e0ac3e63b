"""A comparison of architectures: the plain data, and a table for a person."""

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tfopt.config.choices import Task
from tfopt.report.figures import EMPTY, format_score, format_size
from tfopt.report.record import Record
from tfopt.report.schema import DataSummary, Measurement
from tfopt.typing import Json


class Estimate(Record):
    """A mean over seeds and its 95 % interval by Student's t; None for the interval of a single seed."""

    mean: float
    low: float | None
    high: float | None


class Gradients(Record):
    """Root mean square of the gradient by the first and by the last kernel, before training and after each epoch."""

    first: list[float]
    last: list[float]

    @property
    def ratios(self) -> list[float]:
        """First over last: far below 1 the gradient vanishes on its way back, far above 1 it explodes."""
        return [first / max(last, 1e-30) for first, last in zip(self.first, self.last, strict=True)]


class Contestant(Record):
    """One architecture: `scores` on the test split for each seed, `measurement` of the model of seed 0."""

    arch: str
    width: int | None
    scores: list[float]
    score: Estimate
    measurement: Measurement
    epochs: list[int]
    epoch_seconds: float
    gradients: list[Gradients]
    added_bytes: int


class ShootoutReport(Record):
    """All architectures of a comparison; `budget` is the number of weights that each may have."""

    config: Json
    data: DataSummary
    budget: int | None
    contestants: list[Contestant]
    notes: list[str]
    versions: dict[str, str]


def render_shootout(report: ShootoutReport) -> RenderableType:
    """Return the comparison for `rich.console.Console.print`."""
    task, seeds = report.data.task, report.config["seeds"]
    title = f"tfopt shootout · {report.data.source} · {seeds} seed{'s' * (seeds > 1)}, {_budget(report)}"
    if report.data.baseline:
        title += f"\nwithout a model: {format_score(report.data.baseline.value, task)} by {report.data.baseline.method}"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for name in (
        "test " + ("accuracy" if task in ("classification", "translation", "segmentation", "multi-label") else "MAE"),
        "size",
        "training",
    ):
        table.add_column(name, overflow="fold")
    table.add_column("inference, batch 1", overflow="fold")
    table.add_column("gradient, first / last kernel", overflow="fold")
    for one in report.contestants:
        table.add_row(
            one.arch + (f"\n[dim]width {one.width}[/]" if one.width else ""),
            _scores(one, task),
            f"{one.measurement.parameters:,} weights\n[dim]{format_size(one.measurement.file_bytes)}[/]",
            _training(one),
            _inference(one),
            _gradients(one.gradients),
        )
    return Group(Text(title, style="bold"), table, *[Text(f"note: {note}") for note in report.notes])


def _budget(report: ShootoutReport) -> str:
    seconds = report.config["seconds"]
    if seconds:
        return f"{seconds:g} s of training each"
    return f"at most {report.budget:,} weights each"


def _scores(one: Contestant, task: Task) -> str:
    show = (
        "{:.2%}".format if task in ("classification", "translation", "segmentation", "multi-label") else "{:.4g}".format
    )
    return f"{show(one.score.mean)}\n[dim]{_interval(one.score, show)}[/]"


def _interval(found: Estimate, show: Callable[[float], str]) -> str:
    return "one seed" if found.low is None or found.high is None else f"{show(found.low)} to {show(found.high)}"


def _training(one: Contestant) -> str:
    epochs = f"{min(one.epochs)}" if min(one.epochs) == max(one.epochs) else f"{min(one.epochs)} to {max(one.epochs)}"
    return f"{one.epoch_seconds:.3g} s an epoch\n[dim]{epochs} epochs, +{format_size(one.added_bytes)}[/]"


def _inference(one: Contestant) -> str:
    latency, macs = one.measurement.latency, one.measurement.macs
    time = EMPTY if latency is None else f"{latency.median_ms:.3g} ms"
    return f"{time}\n[dim]{EMPTY if macs is None else f'{macs:,}'} MACs[/]"


def _gradients(found: Sequence[Gradients]) -> str:
    """Range over the seeds of the ratio, before training and at its end."""
    starts, ends = [one.ratios[0] for one in found], [one.ratios[-1] for one in found]
    lowest = min(min(one.ratios) for one in found)
    return f"start {_range(starts)}\n[dim]end {_range(ends)}, least {lowest:.2g}[/]"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2g}" if len(values) == 1 else f"{min(values):.2g} to {max(values):.2g}"
