"""The lines of limits and locks: whether each holds, what was found, and how sure that is."""

from math import isfinite

from tfopt.report.figures import NO_INTERVAL, TOO_FEW, format_size
from tfopt.report.schema import GateResult, LockCheck

SHOWN = 32  # letters of what is locked


def gate_line(gate: GateResult) -> str:
    """Say whether a limit holds, and what was found."""
    if gate.gate == "full-integer":
        return f"{_word(gate.passed)}: {gate.name}: --full-integer, {gate.found:.0f} operations compute in floats"
    if gate.gate == "target":
        return f"{_word(gate.passed)}: {gate.name}: --for its target, {gate.found:.0f} operations do not run there"
    limit, found = (_gate_figure(gate, value) for value in (gate.limit, gate.found))
    sure = " at the worse end" if gate.at_worst else ""
    where = " on the validation split" if gate.split == "validation" else ""
    told = f"{_word(gate.passed)}: {gate.name}: --{gate.gate} {limit}{sure}{where}, found {found}"
    return told if gate.level is None else f"{told} ({_sureness(gate)})"


def _sureness(gate: GateResult) -> str:
    """Say the interval of a loss, and what would narrow it if only its worse end is beyond the limit."""
    unsure = gate.at_worst and not gate.passed and gate.found <= gate.limit
    more = f"; more {gate.split} data would narrow it" if unsure else ""
    if gate.low is None or gate.high is None:
        if not isfinite(gate.found):
            return NO_INTERVAL
        return f"{TOO_FEW}{', so that its worse end is not known' if gate.at_worst else ''}"
    wide = ", wide for so few samples" if unsure else ""
    return f"{(gate.level or 0) * 100:.4g} % interval {gate.low * 100:.2f} to {gate.high * 100:.2f}{wide}{more}"


def lock_line(check: LockCheck) -> str:
    """Say whether something is as it was locked."""
    told = f"locked {check.locked[:SHOWN]}, found {check.found[:SHOWN]}" if not check.passed else "as locked"
    return f"{_word(check.passed)}: {check.what} {check.name}: {told}"


def _word(passed: bool) -> str:
    return "pass" if passed else "FAIL"


def format_worsening(gate: str, value: float, metric: str | None = None) -> str:
    """Write what answers lose: points of accuracy or of a metric, or by how much their error grows.

    Example:
        >>> format_worsening("max-drop", 0.01), format_worsening("max-error-growth", 0.1, "rmse")
        ('1.00 points', '10.00 % more rmse')
    """
    if gate == "max-error-growth":
        return f"{value * 100 + 0.0:.2f} % more {metric or 'error'}"
    return f"{value * 100 + 0.0:.2f} points{f' of {metric}' if metric else ''}"


def _gate_figure(gate: GateResult, value: float) -> str:
    if gate.gate == "min-agreement":
        return f"{value:.2%}"
    if gate.gate == "bits-budget":
        return f"{value:.2f} bits a weight"
    if gate.gate == "max-ms":
        return f"{value:.3g} ms"
    if gate.gate in ("flash", "ram"):
        return f"{value:,.0f} bytes"
    return format_size(value) if gate.gate == "max-size" else format_worsening(gate.gate, value, gate.metric)
