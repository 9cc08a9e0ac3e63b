"""Gates: limits on what a candidate may lose or weigh, so that a script can stop on them."""

from collections.abc import Sequence

from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.evaluation.measurement import Measured
from tfopt.report.schema import Comparison, GateResult


def check(
    gates: Gates, measured: Sequence[Measured], comparisons: Sequence[Comparison], held: int | None = None
) -> list[GateResult]:
    """Hold artifacts to the gates; raise `InputError` if accuracy was asked for but not measured.

    Args:
        gates: The limits.
        measured: The artifacts, the baseline first.
        comparisons: Each other artifact against the baseline.
        held: The index of the only artifact that is held to them; None for all but the baseline.
    """
    results = []
    for index, (this, comparison) in enumerate(zip(measured[1:], comparisons, strict=True), 1):
        if held not in (None, index):
            continue
        name = this.measurement.name
        if gates.max_size is not None:
            size = this.measurement.file_bytes
            results.append(
                GateResult(gate="max-size", name=name, limit=gates.max_size, found=size, passed=size <= gates.max_size)
            )
        if gates.max_drop is not None:
            if comparison.accuracy is not None:
                drop = 0.0 - comparison.accuracy.change
            elif comparison.deviation is not None:
                drop = comparison.deviation.change
            else:
                raise InputError("`max_drop` needs data to measure accuracy on; give `data` NAME or `data` FILE.npz")
            passed = drop <= gates.max_drop + 1e-9
            results.append(GateResult(gate="max-drop", name=name, limit=gates.max_drop, found=drop, passed=passed))
    return results
