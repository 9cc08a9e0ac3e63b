"""A step of a pipeline is given data without a test split, and an evaluator bound to the validation split."""

from dataclasses import dataclass, replace
from typing import Self

from tfopt.config.choices import Task
from tfopt.config.fields import Config
from tfopt.config.metric import MetricConfig
from tfopt.core.tables import Tables
from tfopt.data.dataset import Dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.limits import metric_asked
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.runtime.progress import Progress, Silent


@dataclass(frozen=True)
class Context:
    """Holds what a technique is given beside a model and a config.

    Attributes:
        data: Train, validation and calibration split; the test split is empty. None if there are no data.
        evaluator: Judges by the validation split; None if there are no data.
        progress: Shows how far the work is.
        tables: Keeps tables of figures that take long to measure; None if nothing is kept.
    """

    data: Dataset | None = None
    evaluator: Evaluator | None = None
    progress: Progress = Silent()  # noqa: RUF009  # it holds nothing
    tables: Tables | None = None

    def judged_as(self, config: Config) -> Self:
        """Return it with an evaluator that judges by the metric that a config asks for, if it does."""
        if self.evaluator is None or not isinstance(config, MetricConfig):
            return self
        metric = metric_asked(config, self.evaluator.rules)
        return replace(self, evaluator=self.evaluator.by(metric))

    @property
    def task(self) -> Task | None:
        """Return what is learnt; None if there are no data."""
        return self.data.task if self.data else None

    @classmethod
    def of(cls, data: Dataset | None, progress: Progress, tables: Tables | None = None) -> Self:
        """Make the context of a pipeline; what it holds of `data` has no test samples."""
        if data is None:
            return cls(None, None, progress, tables)
        seen = data.without_test()
        return cls(seen, Evaluator.on(seen, "validation"), progress, tables)


def metric_of(config: Config | None) -> MetricLike | None:
    """Return the metric that a config asks for, if it does."""
    return config.metric if isinstance(config, MetricConfig) else None
