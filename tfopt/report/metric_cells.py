"""The cells of a metric that was asked for, and of how alike two models answer samples without labels."""

from tfopt.report.changes import Comparison
from tfopt.report.figures import EMPTY, ends, points, relative
from tfopt.report.schema import Measurement


def metric_value(m: Measurement, c: Comparison | None) -> str:
    """Write the metric that was asked for, and how it changed."""
    if m.metric is None:
        return EMPTY
    change = ""
    if c and c.metric:
        change = points(c.metric.change) if m.metric.higher_is_better else relative(c.metric.change)
    return f"{m.metric.name} {m.metric.value:.4g}{change}"


def metric_interval(m: Measurement, _: Comparison | None) -> str:
    """Write its interval."""
    return ends(m.metric.value, m.metric.low, m.metric.high, ".4g") if m.metric else EMPTY


def metric_change(_: Measurement, c: Comparison | None) -> str:
    """Write the interval of its change."""
    if not c or not c.metric:
        return EMPTY
    if not c.metric.higher_is_better or c.metric.low is None or c.metric.high is None:
        return ends(c.metric.change, c.metric.low, c.metric.high, "+.1%")
    return f"{c.metric.low * 100:+.2f} to {c.metric.high * 100:+.2f} pt"


def agreement(_: Measurement, c: Comparison | None) -> str:
    """Write how often the most probable class is the same."""
    found = c.fidelity if c else None
    return EMPTY if not found or found.agreement is None else f"{found.agreement:.2%} of {found.samples:,} samples"


def agreement_interval(_: Measurement, c: Comparison | None) -> str:
    """Write its interval."""
    found = c.fidelity if c else None
    return EMPTY if not found or found.low is None or found.high is None else f"{found.low:.1%} to {found.high:.1%}"


def agreement_error(_: Measurement, c: Comparison | None) -> str:
    """Write by how much outputs differ."""
    if not c or not c.fidelity:
        return EMPTY
    divergence = c.fidelity.divergence
    told = "" if divergence is None else f", divergence {divergence:.2g}"
    return f"by {c.fidelity.relative_error:.2g} of their size{told}"
