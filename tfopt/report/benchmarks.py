"""Benchmarks of `.tflite` files: the plain data, and a table for a person."""

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.changes import LatencyChange
from tfopt.report.figures import EMPTY, format_size
from tfopt.report.record import Record


class Benchmark(Record):
    """One `.tflite` file with a number of threads: times in ms at batch 1, inferences a second, memory in bytes.

    `head_bytes` are the most of tensors that are alive at once, and `arena_bytes` all that TensorFlow Lite Micro
    allocates; None where it does not run the file, or is not installed. `not_delegated` are the operations that XNNPACK
    did not take over, by kind; `change` is against the first file.
    """

    name: str
    threads: int
    file_bytes: int
    min_ms: float
    median_ms: float
    p95_ms: float
    runs: int
    per_second: float
    added_bytes: int | None
    head_bytes: int
    arena_bytes: int | None = None
    not_delegated: dict[str, int]
    change: LatencyChange | None = None


class BenchReport(Record):
    """Benchmarks of one run; `spread` is the widest interquartile range of the times of one of them over its median."""

    benchmarks: list[Benchmark]
    spread: float
    quiet: bool
    versions: dict[str, str]


def render_benchmarks(report: BenchReport) -> RenderableType:
    """Return the benchmarks for `rich.console.Console.print`."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    for title in ("threads", "latency", "a second", "memory", "against the first"):
        table.add_column(title, justify="right", overflow="fold")
    for one in report.benchmarks:
        times = f"{one.median_ms:.3g} ms\n[dim]min {one.min_ms:.3g}, p95 {one.p95_ms:.3g}[/]"
        added = EMPTY if one.added_bytes is None else format_size(one.added_bytes)
        arena = "" if one.arena_bytes is None else f"\narena {format_size(one.arena_bytes)}"
        memory = f"{added}\n[dim]tensors {format_size(one.head_bytes)}{arena}[/]"
        name = f"{escape(one.name)}\n[dim]{format_size(one.file_bytes)}[/]"
        table.add_row(name, str(one.threads), times, f"{one.per_second:,.0f}", memory, _change_cell(one))
    return Group(table, *[Text(f"note: {note}") for note in _notes(report)])


def _change_cell(one: Benchmark) -> str:
    if one.change is None:
        return "[dim]baseline[/]"
    change = one.change
    return f"{change.ratio:.2f}x ({change.low:.2f} to {change.high:.2f})\n{change.verdict}"


def _notes(report: BenchReport) -> list[str]:
    notes = []
    for name, left in {one.name: one.not_delegated for one in report.benchmarks}.items():
        if left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in left.items())
            notes.append(f"{name}: not run by XNNPACK: {kinds}")
    state = "quiet" if report.quiet else "noisy: trust the ratios, not the milliseconds"
    notes.append(
        f"the middle half of the times spreads over {report.spread:.0%} of the median: this machine is {state}"
    )
    notes.append(
        f"{report.benchmarks[0].runs} runs of each at batch 1, in turns in random order; memory is what loading and one"
        " inference add to a process, tensors the most that are alive at once, and arena what TensorFlow Lite Micro"
        " allocates for them and its own structures"
    )
    return notes
