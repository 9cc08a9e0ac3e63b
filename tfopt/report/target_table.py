"""A target's report for a person: operations by kind, the costs, and where memory peaks."""

from collections import defaultdict
from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.figures import EMPTY, format_size
from tfopt.report.gate_lines import gate_line
from tfopt.report.target_fit import MemoryOverTime, OperationFit, TargetFigure, TargetReport

COLORS = {"runs": "green", "partly": "yellow", "no": "red", "unknown": "dim"}
MOST_BARS = 24  # lines of the drawing
BAR = 30  # letters of the longest bar
MOST_TENSORS = 4


def render_target(report: TargetReport) -> RenderableType:
    """Return the report for `rich.console.Console.print`."""
    head = Text.assemble((f"{report.name} on {report.target}", "bold"), f": {_verdict(report)}")
    parts: list[RenderableType] = [head, Text(report.source, style="dim"), "", _operations(report.operations), ""]
    parts.append(_costs(report))
    if report.memory:
        parts += ["", *_drawing(report.memory, report.operations)]
    parts += ["", *(Text(gate_line(gate)) for gate in report.gates)] if report.gates else []
    parts += [Text(f"note: {note}") for note in report.notes]
    return Group(*parts)


def _verdict(report: TargetReport) -> str:
    missing = sum(one.support == "no" for one in report.operations)
    if not report.runs:
        return (
            f"does not run, {missing} of {len(report.operations)} operations are missing" if missing else "does not run"
        )
    beside = sum(one.support == "partly" for one in report.operations)
    helped = f", {beside} of {len(report.operations)} operations not by itself" if beside else ""
    return f"runs{helped}" if report.passed else f"runs{helped}, but not within the limits"


def _operations(operations: list[OperationFit]) -> Table:
    """Make a row for those of a kind of which the same is to be said."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("operation", overflow="fold")
    table.add_column("", justify="right")
    table.add_column("here")
    table.add_column("why, and what to do", overflow="fold")
    rows: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for one in operations:
        rows[one.kind, one.support, one.reason, one.fix] += 1
    order = list(COLORS)[::-1]
    for (kind, support, reason, fix), count in sorted(rows.items(), key=lambda row: order.index(row[0][1])):
        told = "; ".join(filter(None, (reason, fix)))
        table.add_row(kind, str(count), f"[{COLORS[support]}]{support}[/]", escape(told))
    return table


def _costs(report: TargetReport) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(overflow="fold", style="dim")
    for name, figure in (("flash", report.flash), ("RAM", report.ram)):
        table.add_row(name, _bytes(figure), escape(figure.how))
    time = report.milliseconds
    table.add_row("time", EMPTY if time.value is None else f"{time.value:.3g} ms", escape(time.how))
    for name, text in report.details.items():
        table.add_row(name, "", escape(text))
    return table


def _bytes(figure: TargetFigure) -> str:
    return EMPTY if figure.value is None else f"{figure.value:,.0f} B"


def _drawing(memory: MemoryOverTime, operations: list[OperationFit]) -> Iterator[RenderableType]:
    """Draw a bar for each operation, or for as many around the peak as there is room for."""
    yield Text("bytes of tensors that are alive in each operation", style="bold")
    last = min(len(memory.alive), len(operations))
    start = max(0, min(memory.peak - MOST_BARS // 2, last - MOST_BARS))
    most = max([*memory.alive, 1])
    for number in range(start, min(last, start + MOST_BARS)):
        alive = memory.alive[number]
        bar = "\u2588" * max(1, round(BAR * alive / most))
        line = f"{number:4} {operations[number].kind:24.24} {format_size(alive):>9} {bar}"
        yield Text(line, style="bold red" if number == memory.peak else "")
    if start or start + MOST_BARS < last:
        yield Text(f"     ({last} operations; the peak is at {memory.peak})", style="dim")
    told = ", ".join(
        f"{one.type} {'x'.join(map(str, one.shape))} ({format_size(one.bytes)})"
        for one in memory.tensors[:MOST_TENSORS]
    )
    more = f" and {len(memory.tensors) - MOST_TENSORS} more" if len(memory.tensors) > MOST_TENSORS else ""
    yield Text(f"alive at the peak: {told}{more}")
