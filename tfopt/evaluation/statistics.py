"""A figure has an interval, and two models are compared by a test on the same samples.

A share of right answers has the interval of Wilson (1927), two of them are compared by McNemar's exact test (1947). A
mean absolute error has the interval of Student's t, two of them are compared by Wilcoxon's signed-rank test (1945).
"""

import numpy as np
from scipy.stats import binomtest, t, wilcoxon

from tfopt.report.schema import Accuracy, AccuracyChange, Deviation, DeviationChange
from tfopt.typing import Array

SIGNIFICANT = 0.05


def accuracy(right: Array) -> Accuracy:
    """Accuracy of `right` (N,), one boolean a sample, with the Wilson interval (E. B. Wilson 1927)."""
    correct, total = int(right.sum()), len(right)
    interval = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return Accuracy(
        correct=correct, total=total, value=correct / total, low=float(interval.low), high=float(interval.high)
    )


def accuracy_change(against: str, before: Array, after: Array) -> AccuracyChange:
    """Compare two boolean vectors (N,) over the same samples by McNemar's exact test on the discordant pairs."""
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    p_value = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    if p_value < SIGNIFICANT:
        verdict = "worse" if lost > won else "better"
    else:
        verdict = "unchanged" if lost + won == 0 else "no clear change"
    change = (won - lost) / len(before)
    return AccuracyChange(against=against, change=change, lost=lost, won=won, p_value=p_value, verdict=verdict)


def deviation(errors: Array, unit: float | None, block: int = 1) -> Deviation:
    """Mean of absolute errors (N,) with a 95 % interval by Student's t, which is endless if there is one block only.

    Errors of neighbouring samples that share time steps are no independent draws: the interval is that of the means of
    `block` samples in a row. `unit` is what an error of 1 is in the units of the data, None if it differs by column.
    """
    mean = float(errors.mean())
    means = _blocks(errors, block)
    half = float(t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else np.inf
    if not np.isfinite(mean):
        half = 0.0
    return Deviation(mae=mean, low=max(0.0, mean - half), high=mean + half, samples=len(errors), unit=unit)


def deviation_change(against: str, before: Array, after: Array, block: int = 1) -> DeviationChange:
    """Compare absolute errors (N,) of the same samples by Wilcoxon's signed-rank test (1945), in blocks as above.

    The test says of most samples whether they are better or worse, and the change is that of the mean, which few large
    errors may move the other way: then the verdict says both.
    """
    differences = _blocks(after, block) - _blocks(before, block)
    change = float(after.mean() / max(before.mean(), 1e-12) - 1)
    if not np.any(after - before):
        return DeviationChange(against=against, change=change, p_value=1.0, verdict="unchanged")
    worse, better = 1.0, 1.0
    if len(differences) > 1:
        worse, better = (float(wilcoxon(differences, alternative=side).pvalue) for side in ("greater", "less"))
    p_value = min(1.0, 2 * min(worse, better))
    verdict = "no clear change"
    if p_value < SIGNIFICANT:
        verdict, other = ("worse", "lower") if worse < better else ("better", "higher")
        if (change > 0) != (worse < better):
            verdict = f"most samples {verdict}, the mean {other}"
    return DeviationChange(against=against, change=change, p_value=p_value, verdict=verdict)


def _blocks(errors: Array, block: int) -> Array:
    count = max(1, len(errors) // block)
    means: Array = errors[: count * block].reshape(count, -1).mean(axis=1)
    return means
