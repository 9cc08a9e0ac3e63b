"""The verdict of a report in one sentence: limits, the size against the first file, and what was lost."""

from tfopt.report.changes import Comparison
from tfopt.report.figures import format_size
from tfopt.report.schema import Measurement, Report


def verdict_sentence(report: Report) -> str:
    """Say whether the limits hold, and what the result is like against the first file."""
    parts = [_limits(report)]
    result = result_of(report)
    if result:
        first = report.measurements[0]
        parts.append(f"{result.name} has {format_size(result.file_bytes)}")
        if result is not first:
            share = result.file_bytes / first.file_bytes - 1
            parts[-1] += f", {abs(share):.1%} {'less' if share < 0 else 'more'} than {first.name}"
            compared = next((one for one in report.comparisons if one.name == result.name), None)
            parts.append(_change(compared) if compared else "")
        parts.append("" if result is not first else _figure(result))
    said = "; ".join(filter(None, parts))
    return f"{said}." if said else ""


def _limits(report: Report) -> str:
    held = [gate.passed for gate in report.gates] + [check.passed for check in report.lock]
    if not held:
        return ""
    count = f"{len(held)} limit{'s' if len(held) > 1 else ''}"
    failed = held.count(False)
    return f"FAILED: {failed} of {count} exceeded" if failed else f"Passed: {count} held"


def result_of(report: Report) -> Measurement | None:
    """Return what was made: the file that a front chose, or the last one."""
    chosen = {point.file for point in report.front if point.chosen}
    named = [one for one in report.measurements if one.name in chosen]
    return next(iter(named or report.measurements[-1:]), None)


def _figure(one: Measurement) -> str:
    if one.accuracy:
        ends = f"{one.accuracy.low:.1%} to {one.accuracy.high:.1%}"
        return f"{one.accuracy.value:.2%} test accuracy (95 % interval {ends})"
    if one.deviation:
        return f"a test error of {one.deviation.mae:.4g}"
    return f"test BLEU {one.bleu.value:.1f}" if one.bleu else ""


def _change(c: Comparison) -> str:
    """Say how answers differ on the test split, with the interval."""
    if c.metric:
        unit = " points" if c.metric.higher_is_better else " %"
        return f"test {c.metric.name} {c.metric.change * 100:+.2f}{unit}{_ends(c.metric.low, c.metric.high)}"
    if c.accuracy:
        return f"test accuracy {c.accuracy.change * 100:+.2f} points{_ends(c.accuracy.low, c.accuracy.high)}"
    if c.deviation:
        return f"test error {c.deviation.change * 100:+.2f} %{_ends(c.deviation.low, c.deviation.high)}"
    if c.bleu:
        return f"test BLEU {c.bleu.change:+.1f} (p = {c.bleu.p_value:.2g})"
    return f"{c.fidelity.agreement:.2%} of answers agree" if c.fidelity and c.fidelity.agreement is not None else ""


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" (95 % interval {low * 100:+.2f} to {high * 100:+.2f})"
