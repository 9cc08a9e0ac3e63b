"""A comparison of architectures as a person reads it."""

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tfopt.config.choices import Task
from tfopt.report.cells import NOTHING, size
from tfopt.report.shootout import Contestant, Estimate, Gradients, ShootoutReport
from tfopt.report.terminal import score


def render_shootout(report: ShootoutReport) -> RenderableType:
    """Return the comparison for `rich.console.Console.print`."""
    task, seeds = report.data.task, report.config["seeds"]
    title = f"tfopt shootout · {report.data.source} · {seeds} seed{'s' * (seeds > 1)}, {_budget(report)}"
    if report.data.baseline:
        title += f"\nwithout a model: {score(report.data.baseline.value, task)} by {report.data.baseline.method}"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for name in ("test " + ("accuracy" if task in ("classification", "translation") else "MAE"), "size", "training"):
        table.add_column(name, overflow="fold")
    table.add_column("inference, batch 1", overflow="fold")
    table.add_column("gradient, first / last kernel", overflow="fold")
    for one in report.contestants:
        table.add_row(
            one.arch + (f"\n[dim]width {one.width}[/]" if one.width else ""),
            _scores(one, task),
            f"{one.measurement.parameters:,} weights\n[dim]{size(one.measurement.file_bytes)}[/]",
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
    show = "{:.2%}".format if task in ("classification", "translation") else "{:.4g}".format
    return f"{show(one.score.mean)}\n[dim]{_interval(one.score, show)}[/]"


def _interval(found: Estimate, show: Callable[[float], str]) -> str:
    return "one seed" if found.low is None or found.high is None else f"{show(found.low)} to {show(found.high)}"


def _training(one: Contestant) -> str:
    epochs = f"{min(one.epochs)}" if min(one.epochs) == max(one.epochs) else f"{min(one.epochs)} to {max(one.epochs)}"
    return f"{one.epoch_seconds:.3g} s an epoch\n[dim]{epochs} epochs, +{size(one.added_bytes)}[/]"


def _inference(one: Contestant) -> str:
    latency, macs = one.measurement.latency, one.measurement.macs
    time = NOTHING if latency is None else f"{latency.median_ms:.3g} ms"
    return f"{time}\n[dim]{NOTHING if macs is None else f'{macs:,}'} MACs[/]"


def _gradients(found: Sequence[Gradients]) -> str:
    """Range over the seeds of the ratio, before training and at its end."""
    starts, ends = [one.ratios[0] for one in found], [one.ratios[-1] for one in found]
    lowest = min(min(one.ratios) for one in found)
    return f"start {_range(starts)}\n[dim]end {_range(ends)}, least {lowest:.2g}[/]"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2g}" if len(values) == 1 else f"{min(values):.2g} to {max(values):.2g}"
