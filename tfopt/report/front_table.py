"""The table of a front, the cheapest file first, the chosen one marked."""

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.figures import EMPTY, format_size
from tfopt.report.front import FrontPoint
from tfopt.report.gate_lines import format_worsening
from tfopt.report.schema import Report

TITLES = {"size": "size", "flash": "flash", "ram": "RAM", "latency": "ms", "macs": "MACs"}
BYTES = ("size", "flash", "ram")


def render_front(report: Report, *, everything: bool = False) -> list[RenderableType]:  # noqa: ARG001
    """Return the table of the front of a report, if it has one."""
    points = report.front
    if not points:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    names = [name for name in TITLES if name in points[0].costs]
    table.add_column("front")
    for name in names:
        table.add_column(TITLES[name], justify="right")
    table.add_column("lost on validation", justify="right")
    table.add_column("how", overflow="fold")
    for point in points:
        mark = " *" if point.chosen else ""
        costs = [format_cost(name, point.costs[name]) if name in point.costs else EMPTY for name in names]
        style = "bold" if point.chosen else "" if point.holds else "dim"
        table.add_row(f"{point.number}{mark}", *costs, format_lost(point), escape(point.made), style=style)
    legend = "* chosen" if any(point.chosen for point in points) else "none keeps to all limits"
    return [table, Text(f"{legend}; --pick N writes another one")]


def format_cost(name: str, value: float) -> str:
    """Write what a file costs."""
    return format_size(value) if name in BYTES else f"{value:.3g}" if name == "latency" else f"{value:,.0f}"


def format_lost(point: FrontPoint) -> str:
    """Write what a file loses, and the interval of that."""
    found = format_worsening(point.gate, point.loss)
    if point.low is None or point.high is None:
        return found
    return f"{found} ({point.low * 100:.2f} to {point.high * 100:.2f})"
