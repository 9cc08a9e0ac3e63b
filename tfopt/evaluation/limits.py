"""A limit on what answers may lose: points of accuracy, or the share by which the mean error grows.

The two are different things: each has its own option, its own usual value and its own words.
"""

from dataclasses import dataclass
from typing import Literal, Self

from tfopt.config.choices import Task
from tfopt.config.metric import MetricConfig
from tfopt.errors import InputError
from tfopt.evaluation.config import AnswerLimits
from tfopt.evaluation.metrics.named import MetricLike, find_metric
from tfopt.evaluation.statistics import CONFIDENCE, Worsening
from tfopt.report.gate_lines import format_worsening
from tfopt.report.schema import GateResult
from tfopt.tasks.registry import rules_of
from tfopt.tasks.rules import TaskRules

COLLAPSE_POINTS = 0.05  # of accuracy, lost on the validation split: that is no success
COLLAPSE_GROWTH = 0.10  # of the mean absolute error there
WORSE_POINTS = 0.01  # as much worse there that a smaller file does not outweigh it
WORSE_GROWTH = 0.05


@dataclass(frozen=True)
class Limit:
    """The most that may be lost.

    Attributes:
        gate: The option that sets it.
        most: Points of accuracy (0.01 is one), or the growth of the mean absolute error as a share.
        confidence: With which the worse end of the interval is held to it; None if the figure itself is.
        metric: The name of the metric that is limited, if one was asked for.
    """

    gate: Literal["max-drop", "max-error-growth"]
    most: float
    confidence: float | None = None
    metric: str | None = None

    @classmethod
    def of(cls, asked: AnswerLimits, *, by_points: bool, metric: str | None = None) -> Self:
        """Return the limit that was asked for, or the usual one.

        Args:
            asked: The limits.
            by_points: Whether points are lost, as of accuracy; otherwise an error grows.
            metric: The name of the metric that is limited, if one was asked for.

        Raises:
            InputError: If a limit of the other kind was asked for.
        """
        if by_points:
            if asked.max_error_growth is not None:
                raise InputError(f"`max_error_growth` limits an error; {metric or 'accuracy'} is limited by `max_drop`")
            most = COLLAPSE_POINTS if asked.max_drop is None else asked.max_drop
            return cls("max-drop", most, asked.confidence, metric)
        if asked.max_drop is not None:
            error = metric or "the mean absolute error of a regression or forecast"
            raise InputError(f"`max_drop` limits points of accuracy; {error} is limited by `max_error_growth`")
        most = COLLAPSE_GROWTH if asked.max_error_growth is None else asked.max_error_growth
        return cls("max-error-growth", most, asked.confidence, metric)

    @property
    def level(self) -> float:
        """The confidence of the interval that is reported."""
        return self.confidence or CONFIDENCE

    @property
    def shown(self) -> str:
        """The limit in words."""
        return format_worsening(self.gate, self.most, self.metric)

    def held_on(self, count: int, split: str) -> str:
        """Return the note on which samples it is held to."""
        field = self.gate.replace("-", "_")
        return f"`{field}` is held to on the {count} samples of {split}"

    def at_stake(self, found: Worsening) -> float:
        """Return the figure that is held to the limit."""
        return found.value if self.confidence is None else found.high

    def holds(self, found: Worsening) -> bool:
        """Return whether no more was lost."""
        return self.at_stake(found) <= self.most + 1e-9

    def result(self, name: str, found: Worsening, split: Literal["validation", "test"]) -> GateResult:
        """Return what the report says of it."""
        low, high = found.ends
        return GateResult(
            gate=self.gate,
            name=name,
            metric=self.metric,
            limit=self.most,
            found=found.value,
            low=low,
            high=high,
            level=found.confidence,
            at_worst=self.confidence is not None,
            passed=self.holds(found),
            split=split,
        )


def metric_asked(config: MetricConfig, rules: TaskRules) -> MetricLike | None:
    """Return the metric that a config asks for, which `max_drop` does where only a ranking has points to lose."""
    ranked = rules.task == "anomaly" and getattr(config, "max_drop", None) is not None
    return config.metric or ("roc-auc" if ranked else None)


def limit_for(asked: AnswerLimits, task: Task | None) -> Limit | None:
    """Return the limit for a task; None without data (`task` None), where there can be none.

    Raises:
        InputError: If a limit or a metric was asked for that cannot be held to.
    """
    if task is not None:
        rules = rules_of(task)
        metric = find_metric(metric_asked(asked, rules), rules)
        if metric is not None:
            return Limit.of(asked, by_points=metric.higher_is_better, metric=metric.name)
        return Limit.of(asked, by_points=rules.counts_right)
    for wanted in (asked.limited, "metric" if asked.metric else None):
        if wanted:
            raise InputError(f"`{wanted}` needs data to measure accuracy on; give `data` NAME or `data` FILE.npz")
    return None
