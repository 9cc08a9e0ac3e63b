"""The cells of the table of all artifacts: a function for each figure, and the order in which they are shown."""

from collections.abc import Callable, Sequence

from rich.markup import escape

from tfopt.report.changes import AccuracyChange, BleuChange, Comparison
from tfopt.report.figures import EMPTY, ends, format_size, points, relative
from tfopt.report.metric_cells import (
    agreement,
    agreement_error,
    agreement_interval,
    metric_change,
    metric_interval,
    metric_value,
)
from tfopt.report.schema import Measurement, Report

BASELINE = "[dim]baseline[/]"
OTHER_ERRORS = {"guess": "of a guess's", "loss": "by its own loss"}

Pair = tuple[Measurement, Comparison | None]
Cell = Callable[[Measurement, Comparison | None], str]


def pairs_of(report: Report) -> list[Pair]:
    """Return what was measured, the baseline first and the control second, each with its comparison."""
    comparisons = {comparison.name: comparison for comparison in report.comparisons}
    pairs = [(m, comparisons.get(m.name) if index else None) for index, m in enumerate(report.measurements)]
    controls = [(report.control, report.control_comparison)] if report.control else []
    return [*pairs[:1], *controls, *pairs[1:]]


def _file(m: Measurement, c: Comparison | None) -> str:
    disk = f" ({format_size(m.disk_bytes)} on disk)" if m.disk_bytes not in (None, m.file_bytes) else ""
    return format_size(m.file_bytes) + disk + relative(c.size.file_bytes if c and c.size else None)


def _gzip(m: Measurement, c: Comparison | None) -> str:
    return format_size(m.gzip_bytes) + relative(c.size.gzip_bytes if c and c.size else None)


def _parameters(m: Measurement, _: Comparison | None) -> str:
    return f"{m.parameters:,}"


def _nonzero(m: Measurement, c: Comparison | None) -> str:
    return f"{m.nonzero_parameters:,}" + relative(c.size.nonzero_parameters if c and c.size else None)


def _macs(m: Measurement, _: Comparison | None) -> str:
    return f"{m.macs:,}" if m.macs is not None else EMPTY


def _accuracy(m: Measurement, c: Comparison | None) -> str:
    if m.accuracy is None:
        return EMPTY
    change = c.accuracy.change if c and c.accuracy else None
    told = "" if change is None else points(change)
    return f"{m.accuracy.value:.2%}{told}"


def _samples(m: Measurement, _: Comparison | None) -> str:
    return f"{m.accuracy.correct:,} of {m.accuracy.total:,}" if m.accuracy else EMPTY


def _interval(m: Measurement, _: Comparison | None) -> str:
    return f"{m.accuracy.low:.1%} to {m.accuracy.high:.1%}" if m.accuracy else EMPTY


def _change_interval(_: Measurement, c: Comparison | None) -> str:
    return f"{c.accuracy.low * 100:+.2f} to {c.accuracy.high * 100:+.2f} pt" if c and c.accuracy else EMPTY


def _mcnemar(_: Measurement, c: Comparison | None) -> str:
    return _test(c) if c and c.accuracy and c.accuracy.clusters is None else EMPTY


def _exchange(clustered: str) -> Cell:
    """Return the cell of a test that exchanges such clusters."""
    return lambda _, c: _test(c) if c and c.accuracy and c.accuracy.clustered == clustered else EMPTY


def _test(c: Comparison) -> str:
    assert c.accuracy is not None
    return f"p = {c.accuracy.p_value:.2g} ({c.accuracy.lost} lost, {c.accuracy.won} won)"


def _control(_: Measurement, c: Comparison | None) -> str:
    if not c or not c.control:
        return EMPTY
    match c.control:
        case AccuracyChange(change=change):
            found = points(change)
        case BleuChange(change=change):
            found = f"{change:+.1f}"
        case _:
            found = relative(c.control.change)
    return f"{found.strip()} p = {c.control.p_value:.2g}, {c.control.verdict}"


def _deviation(m: Measurement, c: Comparison | None) -> str:
    if m.deviation is None or m.deviation.measure != "mae":
        return EMPTY
    change = relative(c.deviation.change if c and c.deviation else None)
    unit = m.deviation.unit
    real = "" if unit in (None, 1.0) else f" ({m.deviation.mae * unit:.4g} in units of the data)"
    return f"{m.deviation.mae:.4g}{real}{change}"


def _other_error(m: Measurement, c: Comparison | None) -> str:
    if m.deviation is None or m.deviation.measure == "mae":
        return EMPTY
    change = relative(c.deviation.change if c and c.deviation else None)
    return f"{m.deviation.mae:.4g} {OTHER_ERRORS[m.deviation.measure]}{change}"


def _deviation_interval(m: Measurement, _: Comparison | None) -> str:
    return ends(m.deviation.mae, m.deviation.low, m.deviation.high, ".4g") if m.deviation else EMPTY


def _deviation_samples(m: Measurement, _: Comparison | None) -> str:
    return f"{m.deviation.samples:,}" if m.deviation else EMPTY


def _growth_interval(_: Measurement, c: Comparison | None) -> str:
    return ends(c.deviation.change, c.deviation.low, c.deviation.high, "+.1%") if c and c.deviation else EMPTY


def _paired_t(_: Measurement, c: Comparison | None) -> str:
    return f"p = {c.deviation.p_value:.2g}" if c and c.deviation else EMPTY


def _bleu(m: Measurement, _: Comparison | None) -> str:
    return f"{m.bleu.value:.1f} ({m.bleu.low:.1f} to {m.bleu.high:.1f})" if m.bleu else EMPTY


def _bleu_change(_: Measurement, c: Comparison | None) -> str:
    return f"{c.bleu.change:+.1f}, p = {c.bleu.p_value:.2g}" if c and c.bleu else EMPTY


def _latency(m: Measurement, _: Comparison | None) -> str:
    return f"median {m.latency.median_ms:.3g} ms, p95 {m.latency.p95_ms:.3g} ms" if m.latency else EMPTY


def _ratio(_: Measurement, c: Comparison | None) -> str:
    if not c or not c.latency:
        return EMPTY
    return f"{c.latency.ratio:.2f}x ({c.latency.low:.2f} to {c.latency.high:.2f})"


def _against(_: Measurement, c: Comparison | None) -> str:
    return against(c.size.against) if c and c.size else EMPTY


def against(name: str) -> str:
    """Return a name as the markup of what sizes are compared with."""
    return f"[dim]{escape(name)}[/]"


def _verdict(_: Measurement, c: Comparison | None) -> str:
    return "; ".join(verdicts(c))


def verdicts(c: Comparison | None) -> list[str]:
    """Return the verdicts on size, accuracy, error, BLEU and speed against the baseline."""
    if not c:
        return [BASELINE]
    found = [
        ("size", c.size and c.size.verdict),
        ("accuracy", c.accuracy and c.accuracy.verdict),
        ("error", c.deviation and c.deviation.verdict),
        ("BLEU", c.bleu and c.bleu.verdict),
        (c.metric.name if c.metric else "", c.metric and c.metric.verdict),
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
    ("  change", _change_interval),
    ("  McNemar", _mcnemar),
    ("  by sentences", _exchange("sentences")),
    ("  by images", _exchange("images")),
    ("  by samples", _exchange("samples")),
    ("test MAE", _deviation),
    ("test error", _other_error),
    ("  samples", _deviation_samples),
    ("  95 % interval", _deviation_interval),
    ("  change", _growth_interval),
    ("  paired t-test", _paired_t),
    ("test BLEU", _bleu),
    ("  paired test", _bleu_change),
    ("test metric", metric_value),
    ("  95 % interval", metric_interval),
    ("  change", metric_change),
    ("agreement", agreement),
    ("  95 % interval", agreement_interval),
    ("  outputs differ", agreement_error),
    ("score vs control", _control),
    ("latency, batch 1", _latency),
    ("  ratio", _ratio),
    ("size, speed vs", _against),
    ("verdict", _verdict),
)


GROUPS: Sequence[tuple[str, Sequence[tuple[str, Cell]]]] = (
    ("size", (("", _file), ("gzip ", _gzip), ("params ", _parameters), ("not zero ", _nonzero), ("vs ", _against))),
    (
        "on the test split",
        (
            ("", _accuracy),
            ("", _samples),
            ("", _interval),
            ("change ", _change_interval),
            ("", _mcnemar),
            ("by sentences ", _exchange("sentences")),
            ("by images ", _exchange("images")),
            ("by samples ", _exchange("samples")),
            ("MAE ", _deviation),
            ("error ", _other_error),
            ("", _deviation_interval),
            ("change ", _growth_interval),
            ("", _paired_t),
            ("vs control ", _control),
            ("BLEU ", _bleu),
            ("BLEU ", _bleu_change),
            ("", metric_value),
            ("", metric_interval),
            ("change ", metric_change),
            ("agreement ", agreement),
            ("", agreement_interval),
            ("", agreement_error),
        ),
    ),
    ("latency, batch 1", (("", _latency), ("", _ratio), ("MACs ", _macs))),
)
