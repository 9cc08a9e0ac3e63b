"""The table of several outputs: the figure of each, and how it differs from the first model's."""

from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from tfopt.report.cells import pairs_of
from tfopt.report.changes import Comparison
from tfopt.report.figures import EMPTY
from tfopt.report.schema import Measurement, OutputScore, Report


def render_outputs(report: Report, *, everything: bool = False) -> Sequence[RenderableType]:  # noqa: ARG001
    """Return a table with a row for each output and a column for each model; nothing for models with one output."""
    pairs = [pair for pair in pairs_of(report) if pair[0].outputs_scored]
    if not pairs:
        return []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("output")
    for measurement, _ in pairs:
        table.add_column(escape(measurement.name), overflow="fold")
    for name in [one.name for one in pairs[0][0].outputs_scored]:
        table.add_row(escape(name), *(_cell(name, *pair) for pair in pairs))
    return [table]


def _cell(name: str, measurement: Measurement, comparison: Comparison | None) -> str:
    score = next((one for one in measurement.outputs_scored if one.name == name), OutputScore(name=name))
    change = next((one for one in comparison.outputs_changed if one.name == name), None) if comparison else None
    if score.accuracy:
        figure = f"accuracy {score.accuracy.value:.2%} ({score.accuracy.low:.2%} to {score.accuracy.high:.2%})"
    elif score.deviation:
        one = score.deviation
        ends = "" if one.low is None or one.high is None else f" ({one.low:.4g} to {one.high:.4g})"
        figure = f"MAE {one.mae:.4g}{ends}"
    else:
        return EMPTY
    found = (change.accuracy or change.deviation) if change else None
    return f"{figure}\n[dim]{found.verdict}, p = {found.p_value:.2g}[/]" if found else figure
