"""The mean absolute error with its uncertainty, and whether two models differ on the same samples."""

import numpy as np
from scipy.stats import t, wilcoxon

from tfopt.report.schema import Deviation, DeviationChange
from tfopt.typing import Array


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
    """Compare absolute errors (N,) of the same samples by Wilcoxon's signed-rank test (1945), in blocks as above."""
    differences = _blocks(after, block) - _blocks(before, block)
    same = not np.any(after - before)
    p_value = 1.0 if same or len(differences) < 2 else float(wilcoxon(differences).pvalue)
    change = float(after.mean() / max(before.mean(), 1e-12) - 1)
    verdict = "unchanged" if same else "no clear change"
    if p_value < 0.05:
        verdict = "worse" if change > 0 else "better"
    return DeviationChange(against=against, change=change, p_value=p_value, verdict=verdict)


def _blocks(errors: Array, block: int) -> Array:
    count = max(1, len(errors) // block)
    means: Array = errors[: count * block].reshape(count, -1).mean(axis=1)
    return means
