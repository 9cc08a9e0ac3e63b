"""A report as a page of HTML: what matters first, each table and chart only where there is something to show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tfopt.report.figures import format_score
from tfopt.report.gate_lines import gate_line, lock_line
from tfopt.report.html.charts import Drawn, classes_chart, front_chart, history_charts, importance_chart
from tfopt.report.html.tables import (
    PageTable,
    Row,
    class_tables,
    front_table,
    history_table,
    importances_table,
    measurements_table,
    rendered,
)
from tfopt.report.html.verdict import result_of, verdict_sentence
from tfopt.report.layer_tables import render_errors, render_groups, render_layers
from tfopt.report.output_table import render_outputs
from tfopt.report.schema import Measurement, Report
from tfopt.report.tuning_table import render_trials


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading: charts with what they show, tables, and lines."""

    id: str
    title: str
    tables: Sequence[PageTable] = ()
    charts: Sequence[Drawn] = ()
    lines: Sequence[tuple[str, str]] = ()


def html_page(report: Report) -> str:
    """Return the page of a report."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("tfopt.report.html", "")
    rooms = Environment(autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = rooms.get_template("page.html.j2")
    tone = "exceeded" if not report.passed else "held" if report.gates or report.lock else "plain"
    return page.render(report=report, verdict=verdict_sentence(report), tone=tone, sections=list(_sections(report)))


def _sections(report: Report) -> Iterator[Section]:
    if report.front:
        yield Section("front", "Front", [front_table(report)], front_chart(report))
    if report.measurements:
        yield Section("measurements", "Measurements", [measurements_table(report)])
    yield from _shown("outputs", "Outputs", rendered(render_outputs, report, "Figures of each output"))
    if report.history:
        yield Section("history", "Training", [history_table(report)], history_charts(report))
    layers = rendered(render_layers, report, "Layers in order: what was done to each, or why it was left alone")
    yield from _shown("layers", "Layers", layers)
    errors = rendered(render_errors, report, "Errors that quantizing adds at each layer, the worst first")
    yield from _shown("errors", "Quantization errors", errors)
    groups = rendered(render_groups, report, "Groups of channels and what each is worth")
    yield from _shown("groups", "Channels", groups)
    yield from _shown("classes", "Classes", class_tables(report), classes_chart(_ends(report)))
    yield from _shown("trials", "Trials", rendered(render_trials, report, "Trials, the best first"))
    if report.importances:
        yield Section("importances", "Importances", [importances_table(report)], importance_chart(report))
    held = [("pass" if gate.passed else "fail", gate_line(gate)) for gate in report.gates]
    held += [("pass" if check.passed else "fail", lock_line(check)) for check in report.lock]
    if held:
        yield Section("gates", "Limits", lines=held)
    if report.notes:
        yield Section("notes", "Notes", lines=[("", note) for note in report.notes])
    yield Section("made", "How it was made", list(_made(report)))


def _ends(report: Report) -> list[Measurement]:
    """Return the first file, and what was made if that is another one."""
    result = result_of(report)
    return [*report.measurements[:1], *([result] if result and result is not report.measurements[0] else [])]


def _shown(id: str, title: str, tables: list[PageTable], charts: Sequence[Drawn] = ()) -> Iterator[Section]:
    if tables:
        yield Section(id, title, tables, charts)


def _made(report: Report) -> Iterator[PageTable]:
    """Yield the tables of what was asked for, of the data and of the versions."""
    facts: dict[str, object] = {"command": f"tfopt {report.command}", "seed": report.seed, "output": report.output}
    if report.data:
        facts |= {"data": report.data.source, "scale": report.data.scale, "fingerprint": report.data.fingerprint}
        facts |= {f"{split} samples": f"{count:,}" for split, count in report.data.samples.items()}
        if report.data.baseline:
            score = format_score(report.data.baseline.value, report.data.task)
            facts["without a model"] = f"{score} by {report.data.baseline.method}"
    facts |= {"replicas": ", ".join(report.replicas) or None}
    yield from _facts("Command, data and seed", facts)
    yield from _facts("Config: what was asked for", report.config if isinstance(report.config, dict) else {})
    yield from _facts("Versions", dict(report.versions))


def _facts(caption: str, facts: dict[str, object]) -> Iterator[PageTable]:
    rows = [Row([name.replace("_", " "), _said(value)]) for name, value in facts.items() if value not in (None, [], {})]
    if rows:
        yield PageTable(caption, ["name", "value"], rows)


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(_said, value))
        case dict():
            return ", ".join(f"{name} {_said(one)}" for name, one in value.items() if one is not None)
    return str(value)
