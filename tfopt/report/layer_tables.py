"""Tables with a row for each layer or group of channels: what was done to it, or what it is worth."""

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from tfopt.report.figures import EMPTY, format_size
from tfopt.report.fitting import Fitting
from tfopt.report.schema import LayerChange, Report

MAX_ROWS = 20
LEAST = 24  # letters of a line that says what happened


def render_layers(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return the table of layers and what was done to each, at most twenty unless `everything` is wanted."""
    if not report.layers:
        return []
    wide, narrow = (Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold") for _ in "ab")
    longest = max(len(change.layer) for change in report.layers)
    for table in (wide, narrow):
        table.add_column("layer", overflow="fold", min_width=longest)
    wide.add_column("kind", overflow="fold", min_width=max(len(change.kind) for change in report.layers))
    wide.add_column("weights", justify="right")
    for table in (wide, narrow):
        table.add_column("what happened", overflow="fold", min_width=LEAST)
    shown = report.layers if everything else report.layers[:MAX_ROWS]
    for change in shown:
        style = "dim" if change.action == "skipped" else ""
        cells = escape(change.layer), change.kind, f"{change.weights:,}", escape(_description(change))
        wide.add_row(*cells, style=style)
        narrow.add_row("\n".join(cells[:3]), cells[3], style=style)
    if len(shown) < len(report.layers):
        more = f"{len(report.layers) - len(shown)} more in the report and with -v"
        wide.add_row("...", "", "", more, style="dim")
        narrow.add_row("...", more, style="dim")
    return [Fitting(wide, narrow)]


def render_errors(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return the table of quantization errors, worst layer first, at most twenty unless `everything` is wanted."""
    if not report.errors:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in ("layer", "kind"):
        table.add_column(column, overflow="fold")
    for column in ("added noise", "SNR", "cosine", "drop if alone"):
        table.add_column(column, justify="right")
    shown = report.errors if everything else report.errors[:MAX_ROWS]
    for error in shown:
        cells = (
            f"{error.added_noise:.2%}",
            EMPTY if error.snr_db is None else f"{error.snr_db:.1f} dB",
            EMPTY if error.cosine is None else f"{error.cosine:.5f}",
            EMPTY if error.drop is None else f"{error.drop * 100:+.2f} pt",
        )
        table.add_row(escape(error.layer), error.kind, *cells)
    if len(shown) < len(report.errors):
        table.add_row("...", f"{len(report.errors) - len(shown)} more with -v", style="dim")
    return [table]


def render_groups(report: Report, *, everything: bool = False) -> list[RenderableType]:
    """Return the table of channel groups, what hurts most first, at most twenty unless `everything` is wanted."""
    if not report.groups:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("group", overflow="fold")
    table.add_column("kind")
    for title in ("channels", "without", "MACs saved", "bytes saved", "loss"):
        table.add_column(title, justify="right")
    shown = report.groups if everything else report.groups[:MAX_ROWS]
    for one in shown:
        table.add_row(
            escape(one.group), one.kind, f"{one.channels:,}", f"{one.removed:,}", f"{one.macs:,}",
            format_size(one.bytes), f"{one.increase:+.4f}",
        )  # fmt: skip
    if len(shown) < len(report.groups):
        table.add_row("...", f"{len(report.groups) - len(shown)} more with -v", style="dim")
    return [table]


def _description(change: LayerChange) -> str:
    if change.sparsity is None:
        return f"{change.action}: {change.detail}"
    if change.action == "pruned":
        return f"pruned to sparsity {change.sparsity:.3f}: {change.detail}"
    return f"{change.action}: {change.detail}, sparsity {change.sparsity:.3f}"
