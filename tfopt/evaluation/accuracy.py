"""Accuracy as a share of samples with its uncertainty, and whether two models differ on the same samples."""

from scipy.stats import binomtest

from tfopt.report.schema import Accuracy, AccuracyChange
from tfopt.typing import Array


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
    if p_value < 0.05:
        verdict = "worse" if lost > won else "better"
    else:
        verdict = "unchanged" if lost + won == 0 else "no clear change"
    change = (won - lost) / len(before)
    return AccuracyChange(against=against, change=change, lost=lost, won=won, p_value=p_value, verdict=verdict)
