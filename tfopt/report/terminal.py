"""The report as a person reads it: one table of all variants, then layers, limits and notes."""

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.report import Comparison, LayerChange, Measurement, Report

MOST_LAYERS = 20
NOTHING = "[dim]-[/]"
BASELINE = "[dim]baseline[/]"

MOST_COLUMNS = 3

Pair = tuple[Measurement, Comparison | None]
Cell = Callable[[Measurement, Comparison | None], str]


def render(report: Report, *, everything: bool = False) -> RenderableType:
    """Return the report for `rich.console.Console.print`; `everything` lists every layer of a large model."""
    parts: list[RenderableType] = [_title(report), _measurements(report)]
    if report.layers:
        parts.append(_layers(report, everything))
    if report.errors:
        parts.append(_errors(report, everything))
    parts.extend(_gates(report))
    parts.extend(Text(f"note: {note}") for note in [*report.notes, *_runtimes(report)])
    if report.replicas:
        parts.append(Text(f"trained with {_replicas(report.replicas)}"))
    parts.append(Text(_footer(report), style="dim"))
    return Group(*parts)


def _title(report: Report) -> Text:
    text = f"tfopt {report.command}"
    if report.data:
        samples = ", ".join(f"{count:,} {name}" for name, count in report.data.samples.items())
        text += f" · {report.data.source} (scale {report.data.scale}; {samples})"
    return Text(text, style="bold")


def _measurements(report: Report) -> Table:
    """A column for each artifact, or a row for each where columns would get too narrow."""
    comparisons = {comparison.name: comparison for comparison in report.comparisons}
    pairs = [(m, comparisons.get(m.name) if index else None) for index, m in enumerate(report.measurements)]
    return _columns(pairs) if len(pairs) <= MOST_COLUMNS else _lines(pairs)


def _columns(pairs: Sequence[Pair]) -> Table:
    table = _table()
    table.add_column("")
    for measurement, _ in pairs:
        table.add_column(escape(measurement.name), overflow="fold")
    for label, cell in ROWS:
        cells = [cell(*pair) for pair in pairs]
        if any(text not in (NOTHING, BASELINE) for text in cells):
            table.add_row(label, *cells)
    return table


def _lines(pairs: Sequence[Pair]) -> Table:
    table = _table()
    table.add_column("", overflow="fold", max_width=26)
    for title, _ in GROUPS:
        table.add_column(title, overflow="fold")
    for measurement, comparison in pairs:
        name = [escape(measurement.name), *_verdicts(comparison)]
        cells = [[prefix + cell(measurement, comparison) for prefix, cell in cells] for _, cells in GROUPS]
        groups = [[text for text in group if not text.endswith(NOTHING)] for group in cells]
        table.add_row(*("\n".join(group) for group in (name, *groups)))
        table.add_row()
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def size(count: float) -> str:
    """Bytes as kB or MB."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _relative(change: float | None, *, less_is_good: bool = True) -> str:
    if change is None:
        return ""
    if abs(change) < 0.0005:
        return " [dim](same)[/]"
    color = "green" if (change < 0) == less_is_good else "red"
    return f" [{color}]({change:+.1%})[/]"


def _file(m: Measurement, c: Comparison | None) -> str:
    return size(m.file_bytes) + _relative(c.size.file_bytes if c and c.size else None)


def _gzip(m: Measurement, c: Comparison | None) -> str:
    return size(m.gzip_bytes) + _relative(c.size.gzip_bytes if c and c.size else None)


def _parameters(m: Measurement, _: Comparison | None) -> str:
    return f"{m.parameters:,}"


def _nonzero(m: Measurement, c: Comparison | None) -> str:
    return f"{m.nonzero_parameters:,}" + _relative(c.size.nonzero_parameters if c and c.size else None)


def _macs(m: Measurement, _: Comparison | None) -> str:
    return f"{m.macs:,}" if m.macs is not None else NOTHING


def _accuracy(m: Measurement, c: Comparison | None) -> str:
    if m.accuracy is None:
        return NOTHING
    change = c.accuracy.change if c and c.accuracy else None
    points = "" if change is None else _points(change)
    return f"{m.accuracy.value:.2%}{points}"


def _points(change: float) -> str:
    color = "dim" if change == 0 else "green" if change > 0 else "red"
    return f" [{color}]({change * 100:+.2f} pt)[/]"


def _samples(m: Measurement, _: Comparison | None) -> str:
    return f"{m.accuracy.correct:,} of {m.accuracy.total:,}" if m.accuracy else NOTHING


def _interval(m: Measurement, _: Comparison | None) -> str:
    return f"{m.accuracy.low:.1%} to {m.accuracy.high:.1%}" if m.accuracy else NOTHING


def _mcnemar(_: Measurement, c: Comparison | None) -> str:
    if not c or not c.accuracy:
        return NOTHING
    return f"p = {c.accuracy.p_value:.2g} ({c.accuracy.lost} lost, {c.accuracy.won} won)"


def _latency(m: Measurement, _: Comparison | None) -> str:
    return f"{m.latency.median_ms:.3g} ms, p95 {m.latency.p95_ms:.3g}" if m.latency else NOTHING


def _ratio(_: Measurement, c: Comparison | None) -> str:
    if not c or not c.latency:
        return NOTHING
    return f"{c.latency.ratio:.2f}x ({c.latency.low:.2f} to {c.latency.high:.2f})"


def _against(_: Measurement, c: Comparison | None) -> str:
    return f"[dim]{escape(c.size.against)}[/]" if c and c.size else NOTHING


def _verdict(_: Measurement, c: Comparison | None) -> str:
    return "; ".join(_verdicts(c))


def _verdicts(c: Comparison | None) -> list[str]:
    if not c:
        return [BASELINE]
    found = [
        ("size", c.size and c.size.verdict),
        ("accuracy", c.accuracy and c.accuracy.verdict),
        ("speed", c.latency and c.latency.verdict),
    ]
    return [f"{what}: {verdict}" for what, verdict in found if verdict]


ROWS: Sequence[tuple[str, Cell]] = (
    ("file", _file),
    ("gzip", _gzip),
    ("parameters", _parameters),
    ("not zero", _nonzero),
    ("MACs", _macs),
    ("test accuracy", _accuracy),
    ("  right", _samples),
    ("  95 % interval", _interval),
    ("  McNemar", _mcnemar),
    ("latency, batch 1", _latency),
    ("  ratio", _ratio),
    ("size, speed vs", _against),
    ("verdict", _verdict),
)


GROUPS: Sequence[tuple[str, Sequence[tuple[str, Cell]]]] = (
    ("size", (("", _file), ("gzip ", _gzip), ("params ", _parameters), ("not zero ", _nonzero), ("vs ", _against))),
    ("test accuracy", (("", _accuracy), ("", _samples), ("", _interval), ("", _mcnemar))),
    ("latency, batch 1", (("", _latency), ("", _ratio), ("MACs ", _macs))),
)


def _layers(report: Report, everything: bool) -> Table:
    table = _table()
    for column in ("layer", "kind"):
        table.add_column(column, overflow="fold")
    table.add_column("weights", justify="right")
    table.add_column("what happened", overflow="fold")
    shown = report.layers if everything else report.layers[:MOST_LAYERS]
    for change in shown:
        style = "dim" if change.action == "skipped" else ""
        table.add_row(escape(change.layer), change.kind, f"{change.weights:,}", escape(_what(change)), style=style)
    if len(shown) < len(report.layers):
        table.add_row("...", "", "", f"{len(report.layers) - len(shown)} more in the report and with -v", style="dim")
    return table


def _errors(report: Report, everything: bool) -> Table:
    table = _table()
    for column in ("layer", "kind"):
        table.add_column(column, overflow="fold")
    for column in ("added noise", "SNR", "cosine", "drop if alone"):
        table.add_column(column, justify="right")
    shown = report.errors if everything else report.errors[:MOST_LAYERS]
    for error in shown:
        cells = (
            f"{error.added_noise:.2%}",
            NOTHING if error.snr_db is None else f"{error.snr_db:.1f} dB",
            NOTHING if error.cosine is None else f"{error.cosine:.5f}",
            NOTHING if error.drop is None else f"{error.drop * 100:+.2f} pt",
        )
        table.add_row(escape(error.layer), error.kind, *cells)
    if len(shown) < len(report.errors):
        table.add_row("...", f"{len(report.errors) - len(shown)} more with -v", style="dim")
    return table


def _what(change: LayerChange) -> str:
    if change.sparsity is None:
        return f"{change.action}: {change.detail}"
    if change.action == "pruned":
        return f"pruned to sparsity {change.sparsity:.3f}: {change.detail}"
    return f"{change.action}: {change.detail}, sparsity {change.sparsity:.3f}"


def _gates(report: Report) -> list[Text]:
    lines = []
    for gate in report.gates:
        word, style = ("pass", "green") if gate.passed else ("FAIL", "bold red")
        show = size if gate.gate == "max-size" else _drop
        lines.append(
            Text(f"{word}: {gate.name}: --{gate.gate} {show(gate.limit)}, found {show(gate.found)}", style=style)
        )
    return lines


def _drop(share: float) -> str:
    return f"{share * 100 + 0.0:.2f} points"


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


def _footer(report: Report) -> str:
    seed = f"seed {report.seed} · " if report.seed is not None else ""
    return seed + ", ".join(f"{name} {version}" for name, version in report.versions.items())
