"""Gates: limits on what a candidate may lose or weigh, so that a script can stop on them."""

from collections.abc import Sequence

import numpy as np

from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.evaluation.limits import Limit
from tfopt.evaluation.measurement import Measured
from tfopt.evaluation.statistics import CONFIDENCE, worsening
from tfopt.report.changes import Comparison
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


def check_agreement(gates: Gates, comparisons: Sequence[Comparison], held: str | None = None) -> list[GateResult]:
    """Hold comparisons to the least agreement that is asked for, all of them or that of the file `held`.

    Raises:
        InputError: If there are no classes that could agree.
    """
    least, results = gates.min_agreement, []
    if least is None:
        return []
    for one in comparisons:
        if held not in (None, one.name):
            continue
        if one.fidelity is None or one.fidelity.agreement is None:
            raise InputError(f"`min_agreement` is of classes, whose probabilities {one.name} does not give")
        found, share = one.fidelity, one.fidelity.agreement
        results.append(
            GateResult(
                gate="min-agreement", name=one.name, limit=least, found=share, low=found.low,
                high=found.high, level=CONFIDENCE, passed=share >= least,
            )
        )  # fmt: skip
    return results


def _loss(gates: Gates, first: Measured, this: Measured) -> GateResult:
    metric = first.judged.metric if first.judged else None
    asked = metric and (gates.metric or metric.higher_is_better == (gates.max_drop is not None))
    if metric and asked and first.judged and this.judged:
        limit = Limit.of(gates, by_points=metric.higher_is_better, metric=metric.name)
        found = first.judged.worsening(this.judged, limit.level)
        return limit.result(this.measurement.name, found, "test")
    assert first.scores is not None
    assert this.scores is not None
    limit = Limit.of(gates, by_points=first.scores.dtype == np.bool_)
    found = worsening(first.scores, this.scores, first.clusters, limit.level)
    return limit.result(this.measurement.name, found, "test")
