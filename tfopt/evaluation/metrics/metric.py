"""A metric judges all answers to a split at once; what it says of a model has an interval by the bootstrap.

Samples are drawn again with replacement (Efron 1979), whole clusters of those that hang together, and two models are
compared on the same draws. Ends of intervals are percentiles, a little further out than their names say, so that few
samples do not make them too narrow (Hesterberg 2015, The American Statistician 69, section 4.4.2).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.stats import norm, t

from tfopt.errors import InputError
from tfopt.evaluation.intervals import Interval, matched_difference
from tfopt.evaluation.statistics import CONFIDENCE, Worsening, verdict
from tfopt.report.metrics import MetricChange, MetricFigure
from tfopt.typing import Array, Clusters

RESAMPLES, FEWER = 1000, 200  # fewer where each draw is a call of a function
DRAWN_AT_ONCE = 4_000_000  # numbers
LOWEST = float(np.finfo(np.float64).min)  # what a report can hold, as JSON knows no infinite number
WITHOUT_INTERVAL = Interval(-np.inf, np.inf)

Figure: TypeAlias = Callable[[Array, Array], float]
OfDraws: TypeAlias = Callable[[Array, Array], Callable[[Array], Array]]


@dataclass(frozen=True)
class Metric:
    """A figure of merit.

    Attributes:
        name: As it is asked for.
        function: The figure of labels y (N, ...) and answers (N, ...): of classes their probabilities.
        tasks: Those that it suits; none if nobody knows.
        higher_is_better: Whether more of it is better: then points are lost; otherwise it is an error that grows.
        of_draws: Takes labels and answers, and returns what gives the same figure for many draws at once (B,), from
            how often each sample is drawn (B, N); None calls the function for each.
        undefined: Says why there is no such figure of these labels; nothing if there is one.
        by_class: Whether it is a mean over classes, so that it is as uncertain as the one with the fewest samples, and
            answers that are not finite are wrong ones.
    """

    name: str
    function: Figure
    tasks: frozenset[str] = frozenset()
    higher_is_better: bool = True
    of_draws: OfDraws | None = None
    undefined: Callable[[Array, Array], str] = lambda *_: ""
    by_class: bool = False

    def judge(self, y: Array, answers: Array, clusters: Clusters | None, split: str) -> "Judged":
        """Judge answers (N, ...) to samples with the labels y (N, ...).

        Raises:
            InputError: If the metric is not defined for these labels.
        """
        reason = self.undefined(y, answers)
        if reason:
            raise InputError(f"`metric` {self.name} is not defined on {split}: {reason}")
        return Judged(self, y, answers, clusters if clusters is not None and len(clusters) == len(y) else None, split)


@dataclass(frozen=True, eq=False)
class Judged:
    """The answers of one model, judged by a metric."""

    metric: Metric
    y: Array
    answers: Array
    clusters: Clusters | None
    split: str

    @cached_property
    def value(self) -> float:
        """The figure; the worst there is, where numbers are wanted and some answers are not finite."""
        if not self._finite:
            return LOWEST if self.metric.higher_is_better else np.inf
        found = float(self.metric.function(self.y, self.answers))
        if np.isnan(found):
            raise InputError(f"`metric` {self.metric.name} is not defined on {self.split}: it is no number there")
        return found

    @cached_property
    def drawn(self) -> Array:
        """The figure of each draw (B,), the same draws for all models; NaN where it is not defined."""
        count = RESAMPLES if self.metric.of_draws else FEWER
        if not self._finite:
            return np.full(count, self.value)
        figures = self.metric.of_draws(self.y, self.answers) if self.metric.of_draws else self._one_by_one
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([figures(times) for times in draws(len(self.y), self.clusters, count)])

    @property
    def _finite(self) -> bool:
        return self.metric.by_class or bool(np.isfinite(self.answers).all())

    @property
    def independent(self) -> int:
        """The number of samples, or of clusters, that are drawn; of the smallest class where each counts the same."""
        if self.clusters is not None:
            return len(np.unique(self.clusters))
        if self.metric.by_class and self.y.ndim == 1:
            return max(2, int(np.unique(self.y, return_counts=True)[1].min()))
        return len(self.y)

    def _one_by_one(self, times: Array) -> Array:
        rows = (np.repeat(np.arange(len(self.y)), one) for one in times)
        return np.array([_figure_or_nan(self.metric.function, self.y[those], self.answers[those]) for those in rows])

    def figure(self) -> MetricFigure:
        """Return what a report says."""
        low, high = interval(self.drawn, self.independent)
        return MetricFigure(
            name=self.metric.name,
            value=self.value,
            low=low if np.isfinite(low) else None,
            high=high if np.isfinite(high) else None,
            samples=len(self.y),
            resamples=len(self.drawn),
            higher_is_better=self.metric.higher_is_better,
        )

    def drop(self, after: "Judged") -> float:
        """Return how much worse `after` is: points lost, or the share by which the error grew."""
        return float(self._losses(np.array(self.value), np.array(after.value)))

    def worsening(self, after: "Judged", confidence: float = CONFIDENCE) -> Worsening:
        """Return how much worse `after` is, with the interval of that, of the same draws of both."""
        losses = self._losses(self.drawn, after.drawn)
        low, high = interval(losses, self.independent, confidence)
        if not losses.any():  # no draw shows what so many samples might have shown
            points = matched_difference(0, 0, self.independent, confidence)
            low, high = points if self.metric.higher_is_better else (0.0, 0.0)
        return Worsening(self.drop(after), low, high, confidence)

    def change(self, against: str, after: "Judged") -> MetricChange:
        """Compare `after` with this, which is called `against`."""
        found = self.worsening(after)
        same = np.array_equal(self.answers, after.answers)
        clear = found.low > 0 or found.high < 0
        sign = -1.0 if self.metric.higher_is_better else 1.0
        ends = sorted((sign * found.low + 0.0, sign * found.high + 0.0))
        low, high = (ends[0], ends[1]) if np.isfinite(ends).all() else (None, None)
        return MetricChange(
            against=against,
            name=self.metric.name,
            change=sign * found.value + 0.0,
            low=low,
            high=high,
            higher_is_better=self.metric.higher_is_better,
            verdict=verdict(found.value, 0.0 if clear else 1.0, same=same),
        )

    def _losses(self, before: Array, after: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            lost: Array = before - after if self.metric.higher_is_better else after / before - 1
        return np.where(before == after, 0.0, lost)


def draws(samples: int, clusters: Clusters | None, count: int) -> Iterator[Array]:
    """Yield how often each sample is drawn (B, N), the same each time, in parts that are `count` draws together.

    >>> times = next(draws(4, np.array([0, 0, 1, 1]), 3))
    >>> times.shape, bool((times[:, 0] == times[:, 1]).all()), times.sum(axis=1).tolist()
    ((3, 4), True, [4, 4, 4])
    """
    rng = np.random.default_rng(0)
    _, members = np.unique(np.arange(samples) if clusters is None else clusters, return_inverse=True)
    groups = int(members.max()) + 1
    at_once = max(1, min(count, DRAWN_AT_ONCE // samples))
    for start in range(0, count, at_once):
        part = min(at_once, count - start)
        drawn = rng.integers(groups, size=(part, groups)) + np.arange(part)[:, np.newaxis] * groups
        yield np.bincount(drawn.ravel(), minlength=part * groups).reshape(part, groups)[:, members]


def interval(drawn: Array, independent: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the ends of what draws (B,) say; there are none of fewer than two independent samples.

    >>> [round(end) for end in interval(np.arange(101.0), 1000, 0.9)]
    [5, 95]
    """
    known = drawn[~np.isnan(drawn)]
    if independent < 2 or not len(known):
        return WITHOUT_INTERVAL
    wider = np.sqrt(independent / (independent - 1)) * t.ppf((1 + confidence) / 2, independent - 1)
    low, high = np.quantile(known, [norm.cdf(-wider), norm.cdf(wider)], method="linear")
    return Interval(float(low), float(high))


def _figure_or_nan(function: Figure, y: Array, answers: Array) -> float:
    """Return a figure, or NaN where a draw has none: what is wrong with the function shows on all samples before."""
    try:
        return float(function(y, answers))
    except ValueError:
        return np.nan
