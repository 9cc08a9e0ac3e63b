"""A figure has an interval, and two models are compared by one test on the same samples, which also says the direction.

A share of right answers has the interval of Wilson (1927), two of them are compared by McNemar's exact test (1947).
Where answers come in clusters, as the words of a sentence do, clusters count: whole ones are exchanged at random. A
mean absolute error has the interval of Student's t, two of them are compared by the paired t-test of their means.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest, permutation_test, t, ttest_1samp

from tfopt.evaluation.intervals import cluster_sizes, design_effect, growth, matched_difference, totals
from tfopt.report.changes import AccuracyChange, DeviationChange
from tfopt.report.record import end_of
from tfopt.report.schema import Accuracy, Deviation
from tfopt.typing import Array, Clusters

SIGNIFICANT = 0.05
CONFIDENCE = 0.95
RESAMPLES, BATCH = 9999, 500
Direction = Literal["worse", "better", "no clear change", "unchanged"]


class Worsening(NamedTuple):
    """The loss of a model against another, and the interval of that with a confidence.

    It is in points of accuracy (0.01 is one), or the share by which the mean absolute error grew. An interval without
    an upper end is none.
    """

    value: float
    low: float
    high: float
    confidence: float = CONFIDENCE

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The ends of the interval; None for both if there are too few independent samples for one."""
        high = end_of(self.high)
        return (None if high is None else self.low), high


def drop(before: Array, after: Array) -> float:
    """Return how much worse `after` is: points of accuracy lost, or by which share the mean absolute error grew.

    Args:
        before: Right or wrong (N,) bool, or absolute errors (N,).
        after: The same of another model on the same samples.
    """
    if before.dtype == np.bool_:
        return float(before.mean() - after.mean())
    return float(after.mean() / max(before.mean(), 1e-12) - 1)


def worsening(
    before: Array, after: Array, clusters: Clusters | None = None, confidence: float = CONFIDENCE
) -> Worsening:
    """Return how much worse `after` is than `before`.

    Args:
        before: Right or wrong (N,) bool, or absolute errors (N,).
        after: The same of another model on the same samples.
        clusters: Which samples hang together (N,); None if none do.
        confidence: Of the interval.
    """
    if before.dtype == np.bool_:
        change = after.view(np.int8) - before.view(np.int8)
        effect = design_effect(change, clusters)
        lost, won, total = (count / effect for count in ((change < 0).sum(), (change > 0).sum(), len(change)))
        return Worsening(float(-change.mean()) + 0.0, *matched_difference(lost, won, total, confidence), confidence)
    if np.array_equal(before, after):  # also where there is no error at all, or an endless one
        return Worsening(0.0, 0.0, 0.0, confidence)
    value = drop(before, after)
    if not (np.isfinite(after).all() and np.isfinite(before).all()):
        return Worsening(value, value, value, confidence)
    return Worsening(value, *growth(totals(before, clusters), totals(after, clusters), confidence), confidence)


def accuracy(right: Array, clusters: Clusters | None = None) -> Accuracy:
    """Accuracy of `right` (N,), one boolean a sample, with the Wilson interval (E. B. Wilson 1927).

    Of clusters the interval is that of as many independent samples as they are worth (Rao & Scott 1992).
    """
    correct, total = int(right.sum()), len(right)
    effect = design_effect(right, clusters)
    worth = binomtest(round(correct / effect), max(1, round(total / effect)))
    interval = worth.proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Accuracy(
        correct=correct, total=total, value=correct / total, low=float(interval.low), high=float(interval.high)
    )


def accuracy_change(
    against: str, before: Array, after: Array, clusters: Clusters | None = None, clustered: str = "clusters"
) -> AccuracyChange:
    """Compare two boolean vectors (N,) over the same samples.

    Single samples by McNemar's exact test on the discordant pairs, clusters of them by 9,999 random exchanges of whole
    clusters between the two models, which for clusters of one sample is the same test. Reports call them `clustered`.
    """
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    if clusters is None:
        p_value = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    else:
        p_value = _exchanged(totals(after.view(np.int8) - before.view(np.int8), clusters))
    found = worsening(before, after, clusters)
    return AccuracyChange(
        against=against,
        change=0.0 - found.value,
        low=0.0 - found.high,
        high=0.0 - found.low,
        lost=lost,
        won=won,
        clusters=None if clusters is None else int(np.count_nonzero(cluster_sizes(clusters))),
        clustered=None if clusters is None else clustered,
        p_value=p_value,
        verdict=verdict(lost - won, p_value, same=lost + won == 0),
    )


def _exchanged(differences: Array) -> float:
    """Return the p-value of the sum of differences (N,), each of which might as well have the other sign."""
    differences = differences[differences != 0]
    if len(differences) < 2:  # one alone is as likely as its opposite
        return 1.0
    found = permutation_test(
        (differences,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        rng=0,
    )
    return float(found.pvalue)


def deviation(errors: Array, unit: float | None, clusters: Clusters | None = None) -> Deviation:
    """Mean of absolute errors (N,) with a 95 % interval by Student's t.

    There is none of one cluster, or if the mean is not told from 0, as there is none of growth (see `growth`). Errors
    of neighbouring samples that share time steps are no independent draws: the interval is that of the sums over
    clusters. `unit` is what an error of 1 is in the units of the data, None if it differs by column.
    """
    mean = float(errors.mean())
    sizes = np.ones(len(errors)) if clusters is None else cluster_sizes(clusters)
    half = np.inf
    if len(sizes) > 1 and np.isfinite(mean):
        spread = np.std(totals(errors, clusters) - mean * sizes, ddof=1) / sizes.mean()
        half = float(t.ppf((1 + CONFIDENCE) / 2, len(sizes) - 1) * spread / np.sqrt(len(sizes)))
    low, high = (mean - half, mean + half) if half <= mean < np.inf else (None, None)
    return Deviation(mae=mean, low=low, high=high, samples=len(errors), unit=unit)


def deviation_change(against: str, before: Array, after: Array, clusters: Clusters | None = None) -> DeviationChange:
    """Compare absolute errors (N,) of the same samples by the paired t-test of their means, in clusters as above.

    Answers that are not finite have an endless error: who has more of them is worse, whatever chance may do.
    """
    found, same = worsening(before, after, clusters), not np.any(after != before)
    low, high = found.ends
    differences = np.zeros(1) if same else totals(after, clusters) - totals(before, clusters)
    p_value = 1.0
    if not np.isfinite(differences).all():
        more = int(np.isinf(after).sum()) - int(np.isinf(before).sum())
        return DeviationChange(
            against=against,
            change=found.value,
            low=low,
            high=high,
            p_value=0.0 if more else 1.0,
            verdict=verdict(more, 0.0 if more else 1.0),
        )
    if len(differences) > 1:
        p_value = float(ttest_1samp(differences, 0.0).pvalue)
    return DeviationChange(
        against=against,
        change=found.value,
        low=low,
        high=high,
        p_value=p_value,
        verdict=verdict(found.value, p_value, same=same),
    )


def verdict(worse: float, p_value: float, *, same: bool = False) -> Direction:
    """Return what is said of a difference: its direction is that of the figure that the p-value belongs to."""
    if same:
        return "unchanged"
    if p_value >= SIGNIFICANT or not worse:
        return "no clear change"
    return "worse" if worse > 0 else "better"
