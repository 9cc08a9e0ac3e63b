"""The figures of a metric that was asked for, and of each class, in a report."""

from tfopt.report.record import Endless, Record


class MetricFigure(Record):
    """A metric on the test split, and its 95 % interval by the bootstrap; None if there are too few samples for one."""

    name: str
    value: Endless
    low: float | None
    high: float | None
    samples: int
    resamples: int
    higher_is_better: bool


class MetricChange(Record):
    """The difference of a metric on the same samples, with its 95 % interval by the bootstrap, the same draws for both.

    What is better if it is higher has a difference (0.01 is a point), an error the share by which it grew. The verdict
    is that of the interval: whether it has 0 in it. The interval is None if there are too few samples for one.
    """

    against: str
    name: str
    change: Endless
    low: float | None
    high: float | None
    higher_is_better: bool
    verdict: str


class ClassFigure(Record):
    """The figures of one class, or of one label, against the others; `iou` only in segmentation.

    Figures are None where they are not defined: nothing was called so, or nothing is so.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None = None
    support: int


class ClassTable(Record):
    """The figures of each class; `confusion` counts answers, a row for each true class, a column for what was said."""

    classes: list[ClassFigure]
    confusion: list[list[int]] | None = None
