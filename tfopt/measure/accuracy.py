"""Accuracy as a share of samples with its uncertainty, and whether two models differ on the same samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from tfopt.report.report import Accuracy, AccuracyChange

Array = NDArray[Any]


def predicted_classes(outputs: Array) -> Array:
    """Class of each row of outputs (N, K); (N, 1) is the score of class 1, a probability or a logit."""
    if outputs.shape[1] > 1:
        classes: Array = np.argmax(outputs, axis=1)
        return classes
    probabilities = outputs.min() >= 0 and outputs.max() <= 1
    return (outputs[:, 0] > (0.5 if probabilities else 0.0)).astype(np.int64)


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
