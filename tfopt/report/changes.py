"""A candidate against the baseline: how size, answers and speed differ, and whether that is more than chance."""

from typing import Literal

from tfopt.report.metrics import MetricChange
from tfopt.report.record import Endless, Record

SizeVerdict = Literal["smaller", "larger", "smaller when compressed", "no gain"]


class SizeChange(Record):
    """Relative change against the first file of the same format: -0.6 is 60 % less; under half a percent is no gain."""

    against: str
    file_bytes: float
    gzip_bytes: float
    nonzero_parameters: float
    verdict: SizeVerdict


class AccuracyChange(Record):
    """The difference in accuracy on the same samples with its 95 % interval, and a test whether it is only chance.

    It is McNemar's exact test (1947), or one that exchanges whole `clusters`, of which there are so many: those of
    words are sentences, those of pixels images, as `clustered` says.
    """

    against: str
    change: float
    low: float
    high: float
    lost: int
    won: int
    clusters: int | None = None
    clustered: str | None = None
    p_value: float
    verdict: str


class DeviationChange(Record):
    """The growth of the mean absolute error on the same samples, as a share, its 95 % interval, and a paired t-test.

    The interval is None if there are too few independent samples for one.
    """

    against: str
    change: Endless
    low: float | None
    high: float | None
    p_value: float
    verdict: str


class OutputChange(Record):
    """The difference of one of several outputs on the same samples."""

    name: str
    accuracy: AccuracyChange | None = None
    deviation: DeviationChange | None = None


class BleuChange(Record):
    """The difference in BLEU on the same sentences, and a paired approximate randomization test (by sacrebleu)."""

    against: str
    change: float
    p_value: float
    verdict: str


class Fidelity(Record):
    """The agreement of two models on samples without labels, which are `called` so.

    `agreement` is the share of samples with the same most probable class, with its 95 % interval (Wilson 1927), and
    `divergence` the mean Kullback-Leibler divergence in nats: None where there are no classes. `relative_error` is the
    root mean square of the difference, relative to that of the answers.
    """

    against: str
    samples: int
    called: str
    agreement: float | None = None
    low: float | None = None
    high: float | None = None
    divergence: float | None = None
    relative_error: Endless


class LatencyChange(Record):
    """Median of the ratios of paired runs (below 1 is faster) with a 95 % bootstrap interval."""

    against: str
    ratio: float
    low: float
    high: float
    verdict: str


ScoreChange = AccuracyChange | DeviationChange | BleuChange


class Comparison(Record):
    """One artifact against the baseline; sizes and latency only within one format.

    `control` is how its scores differ from those of the original after as much training, if there is such a control.
    """

    name: str
    size: SizeChange | None
    accuracy: AccuracyChange | None = None
    deviation: DeviationChange | None = None
    bleu: BleuChange | None = None
    metric: MetricChange | None = None
    fidelity: Fidelity | None = None
    outputs_changed: list[OutputChange] = []
    control: ScoreChange | None = None
    latency: LatencyChange | None
