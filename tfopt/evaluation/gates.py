"""Gates: limits on what a candidate may lose or weigh, so that a script can stop on them."""

from collections.abc import Sequence

import numpy as np

from tfopt.evaluation.config import Gates
from tfopt.evaluation.limits import Limit
from tfopt.evaluation.measurement import Measured
from tfopt.evaluation.statistics import worsening
from tfopt.report.schema import GateResult


def check(gates: Gates, measured: Sequence[Measured], held: int | None = None) -> list[GateResult]:
    """Hold artifacts to the gates; what answers may lose needs their scores.

    Args:
        gates: The limits.
        measured: The artifacts, the baseline first.
        held: The index of the only artifact that is held to them; None for all but the baseline.
    """
    results = []
    for index, this in enumerate(measured[1:], 1):
        if held not in (None, index):
            continue
        name, size = this.measurement.name, this.measurement.file_bytes
        if gates.max_size is not None:
            results.append(
                GateResult(gate="max-size", name=name, limit=gates.max_size, found=size, passed=size <= gates.max_size)
            )
        if gates.limited:
            results.append(_loss(gates, measured[0], this))
    return results


def _loss(gates: Gates, first: Measured, this: Measured) -> GateResult:
    if first.judged and this.judged:
        metric = first.judged.metric
        limit = Limit.of(gates, by_points=metric.higher_is_better, metric=metric.name)
        found = first.judged.worsening(this.judged, limit.level)
        return limit.result(this.measurement.name, found, "test")
    assert first.scores is not None
    assert this.scores is not None
    limit = Limit.of(gates, by_points=first.scores.dtype == np.bool_)
    found = worsening(first.scores, this.scores, first.clusters, limit.level)
    return limit.result(this.measurement.name, found, "test")
