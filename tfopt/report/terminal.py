"""The report as a person reads it: one table of all artifacts, then layers, limits and notes."""

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.cells import BASELINE, GROUPS, ROWS, Pair, against, pairs_of, verdicts
from tfopt.report.class_tables import render_classes
from tfopt.report.epochs_table import render_epochs
from tfopt.report.figures import EMPTY, format_score
from tfopt.report.fitting import Fitting
from tfopt.report.front_table import render_front
from tfopt.report.gate_lines import gate_line, lock_line
from tfopt.report.layer_tables import render_errors, render_groups, render_layers
from tfopt.report.output_table import render_outputs
from tfopt.report.ports import quantized_lines
from tfopt.report.schema import Report
from tfopt.report.tuning_table import render_trials

MAX_COLUMNS = 3
LEAST_WIDTH = 12  # of the columns of a table of rows
MAIN = ("tfopt", "tensorflow", "keras")  # packages that are named without -v


def render_report(report: Report, *, everything: bool = False) -> RenderableType:
    """Return the report for `rich.console.Console.print`; `everything` lists every layer of a large model."""
    parts: list[RenderableType] = [_title(report)]
    parts.extend(Text(f"WARNING: {warning}", style="bold red") for warning in report.warnings)
    parts.append(_measurements(report))
    for render in (
        render_front,
        render_outputs,
        render_classes,
        render_epochs,
        render_layers,
        render_errors,
        render_groups,
        render_trials,
    ):
        parts.extend(render(report, everything=everything))
    parts.extend(_gates(report))
    parts.extend(Text(line) for m in report.measurements for line in quantized_lines(m.name, m.inputs, m.outputs))
    parts.extend(Text(f"note: {note}") for note in [*report.notes, *(_runtimes(report) if everything else [])])
    if report.replicas:
        parts.append(Text(f"trained with {_replicas(report.replicas)}"))
    parts.append(Text(_footer(report) if everything else _short_footer(report), style="dim"))
    return Group(*parts)


def _title(report: Report) -> Text:
    text = f"tfopt {report.command}"
    if report.data:
        samples = ", ".join(f"{count:,} {name}" for name, count in report.data.samples.items())
        text += f" · {report.data.source} (scale {report.data.scale}; {samples})"
        baseline = report.data.baseline
        if baseline:
            network = "network" if report.data.task == "forecasting" else "model"
            text += f"\nwithout a {network}: {format_score(baseline.value, report.data.task)} by {baseline.method}"
    return Text(text, style="bold")


def _measurements(report: Report) -> RenderableType:
    """A column for each artifact, or a row for each of many; by number where their names would be broken."""
    pairs = pairs_of(report)
    layout = _columns if len(pairs) <= MAX_COLUMNS else _lines
    names = [measurement.name for measurement, _ in pairs]
    numbers = [f"({number})" for number in range(1, len(pairs) + 1)]
    legend = (Text(f"{number} {name}", style="bold") for number, name in zip(numbers, names, strict=True))
    return Fitting(layout(pairs, names), Group(*legend, layout(pairs, numbers)))


def _called(pairs: Sequence[Pair], titles: Sequence[str]) -> Callable[[str], str]:
    """Return what makes of a cell that names an artifact one with its title."""
    found = {against(m.name): against(title) for (m, _), title in zip(pairs, titles, strict=True)}
    return lambda cell: found.get(cell, cell)


def _columns(pairs: Sequence[Pair], titles: Sequence[str]) -> Table:
    table, called = _table(), _called(pairs, titles)
    table.add_column("", no_wrap=True)
    for title in titles:
        table.add_column(escape(title), overflow="fold", min_width=len(title))
    for label, cell in ROWS:
        cells = [cell(*pair) for pair in pairs]
        if any(text not in (EMPTY, BASELINE, "") for text in cells):
            table.add_row(label, *map(called, cells))
    return table


def _lines(pairs: Sequence[Pair], titles: Sequence[str]) -> Table:
    table, called = _table(), _called(pairs, titles)
    longest = max(map(len, titles))
    wide = longest > LEAST_WIDTH  # a column that must not be broken leaves the others as much as they need
    table.add_column("", overflow="fold", min_width=longest, width=longest if wide else None)
    for title, _ in GROUPS:
        table.add_column(title, overflow="fold", min_width=LEAST_WIDTH if wide else None)
    for (measurement, comparison), title in zip(pairs, titles, strict=True):
        name = [escape(title), *verdicts(comparison)]
        cells = [[prefix + called(cell(measurement, comparison)) for prefix, cell in cells] for _, cells in GROUPS]
        groups = [[text for text in group if not text.endswith(EMPTY)] for group in cells]
        table.add_row(*("\n".join(group) for group in (name, *groups)))
        table.add_row()
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def _gates(report: Report) -> list[Text]:
    lines = [(gate.passed, gate_line(gate)) for gate in report.gates]
    lines += [(check.passed, lock_line(check)) for check in report.lock]
    return [Text(line, style="green" if passed else "bold red") for passed, line in lines]


def _replicas(devices: Sequence[str]) -> str:
    count = f"{len(devices)} replica{'s' if len(devices) > 1 else ''}"
    return f"{count} on {', '.join(device.split('/task:0/')[-1] for device in devices)}"


def _runtimes(report: Report) -> list[str]:
    latencies = {m.format: m.latency for m in report.measurements if m.latency}
    if not latencies:
        return []
    how = ", ".join(f".{kind} by {latency.runtime}" for kind, latency in latencies.items())
    runs = next(iter(latencies.values())).runs
    return [f"latency: {how}; {runs} runs of each at batch 1, in turns in random order"]


def _short_footer(report: Report) -> str:
    """Return in one line how it was timed and made; `-v` has the rest."""
    latency = next((m.latency for m in report.measurements if m.latency), None)
    parts = [f"seed {report.seed}"] if report.seed is not None else []
    parts += [f"timed in {latency.runs} runs at batch 1"] if latency else []
    parts += [", ".join(f"{name} {report.versions[name]}" for name in MAIN if name in report.versions), "more with -v"]
    return " · ".join(filter(None, parts))


def _footer(report: Report) -> str:
    seed = f"seed {report.seed} · " if report.seed is not None else ""
    return seed + ", ".join(f"{name} {version}" for name, version in report.versions.items())
