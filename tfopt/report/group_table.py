"""What each group of channels is worth, as a person reads it: what hurts most first."""

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from tfopt.report.cells import size
from tfopt.report.schema import Report

MOST_GROUPS = 20


def render_groups(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """The table of groups, at most twenty unless `everything` is wanted."""
    if not report.groups:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("group", overflow="fold")
    table.add_column("kind")
    for title in ("channels", "without", "MACs saved", "bytes saved", "loss"):
        table.add_column(title, justify="right")
    shown = report.groups if everything else report.groups[:MOST_GROUPS]
    for one in shown:
        table.add_row(
            escape(one.group), one.kind, f"{one.channels:,}", f"{one.removed:,}", f"{one.macs:,}", size(one.bytes),
            f"{one.increase:+.4f}",
        )  # fmt: skip
    if len(shown) < len(report.groups):
        table.add_row("...", f"{len(report.groups) - len(shown)} more with -v", style="dim")
    return [table]
