"""The report of a command as plain data: before, after, what changed, how every figure was obtained; JSON as it is."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal, Self

from tfopt.config.choices import Task
from tfopt.report.changes import Comparison
from tfopt.report.front import FrontPoint
from tfopt.report.metrics import ClassTable, MetricFigure
from tfopt.report.ports import Port
from tfopt.report.record import Endless, Record
from tfopt.typing import Json, Options

PACKAGES = ("tfopt", "tensorflow", "keras", "ai-edge-litert", "litert-quantizer", "numpy")


class Accuracy(Record):
    """Share of test samples classified correctly, with the 95 % interval of Wilson (1927)."""

    correct: int
    total: int
    value: float
    low: float
    high: float


class Deviation(Record):
    """Mean absolute error over test samples, its 95 % interval, and what 1 is in the units of the data.

    The interval is None if there are too few independent samples for one. With the `measure` guess it is the
    error of several outputs together, in errors of a guess (`tfopt.tasks.several`); with loss it is the model's own.
    """

    mae: Endless
    low: float | None
    high: float | None
    samples: int
    unit: float | None
    measure: Literal["mae", "guess", "loss"] = "mae"


class Bleu(Record):
    """Corpus BLEU (Papineni et al. 2002, by sacrebleu) of greedy translations, 0 to 100, and its bootstrap interval."""

    value: float
    low: float
    high: float
    sentences: int


class OutputScore(Record):
    """The figure of one of several outputs: its accuracy, or the error of its numbers."""

    name: str
    accuracy: Accuracy | None = None
    deviation: Deviation | None = None


class Latency(Record):
    """Milliseconds of one inference at batch 1, runs of all files interleaved in one process."""

    median_ms: float
    p95_ms: float
    runs: int
    runtime: str


class Measurement(Record):
    """Everything measured about one artifact; None where it could not be, with the reason in the report's notes.

    `file_bytes` is what counts, without the state of an optimizer; `disk_bytes` is what the file takes where it lies.
    `metadata_bytes` of it only say how it was made, and have no part in the verdict on its size.
    `parameters` counts all weights of a `.keras` file (also those that do not train) and all constants of a `.tflite`.
    """

    name: str
    format: Literal["keras", "tflite", "onnx"]
    inputs: list[Port] = []
    outputs: list[Port] = []
    file_bytes: int
    disk_bytes: int | None = None
    metadata_bytes: int = 0
    gzip_bytes: int
    parameters: int
    nonzero_parameters: int
    macs: int | None
    accuracy: Accuracy | None = None
    deviation: Deviation | None = None
    bleu: Bleu | None = None
    metric: MetricFigure | None = None
    classes: ClassTable | None = None
    outputs_scored: list[OutputScore] = []
    latency: Latency | None


Action = Literal["changed", "pruned", "clustered", "binarized", "quantized", "folded", "narrowed", "removed", "skipped"]


class LayerChange(Record):
    """One layer: what was done to it, or why it was skipped."""

    layer: str
    kind: str
    action: Action
    detail: str
    weights: int
    sparsity: float | None = None
    distinct: int | None = None


class LayerError(Record):
    """The error that quantizing adds at one layer; figures of its last output against the float file.

    `added_noise` is the noise-to-signal ratio, averaged over channels, that it adds to what its inputs have; `snr_db`
    the signal-to-noise ratio in dB, None if there is no noise; `cosine` that of the angle between both outputs; `drop`
    the loss of accuracy on the validation split if this layer alone is quantized.
    """

    layer: str
    kind: str
    added_noise: float
    snr_db: float | None
    cosine: float | None
    drop: float | None = None


class GroupLoss(Record):
    """A group of channels: how many are `removed` on trial, the MACs and float32 bytes that go, the loss that comes."""

    group: str
    kind: str
    channels: int
    removed: int
    macs: int
    bytes: int
    increase: float


class Baseline(Record):
    """The score of a method without a model on the test split: accuracy, mean absolute error or BLEU."""

    method: str
    value: float


class DataSummary(Record):
    """The data of a command: where they come from, how they were scaled, and how many samples each split has."""

    source: str
    scale: str
    fingerprint: str
    samples: dict[str, int]
    task: Task = "classification"
    baseline: Baseline | None = None


class GateResult(Record):
    """A limit, what was found on which split, and whether it holds.

    A loss has an interval from `low` to `high` with the confidence `level`; with `at_worst` it is `high` that is held.
    Both are None if there are too few independent samples for one, which with `at_worst` does not pass. `metric` is
    what was asked for in place of accuracy or the mean absolute error.
    """

    gate: str
    name: str
    metric: str | None = None
    limit: float
    found: Endless
    low: float | None = None
    high: float | None = None
    level: float | None = None
    at_worst: bool = False
    passed: bool
    split: Literal["validation", "test"] = "test"


class LockCheck(Record):
    """One thing that a lock names, a hash or the figure of a gate, and what was found."""

    what: str
    name: str
    locked: str
    found: str
    passed: bool


class TrialResult(Record):
    """One trial of a search: what was tried and how it went on the validation split.

    `score` is that of the selected epoch, or the last one of a trial that was pruned (stopped early as a bad one).
    `weights` are the parameters of its model, `pid` the process that trained it, `reason` why it failed.
    """

    number: int
    state: Literal["complete", "pruned", "failed"]
    measure: str
    higher_is_better: bool = False
    score: float | None
    weights: int | None
    epochs: int
    seconds: float
    options: Options
    pid: int
    reason: str = ""


class Report(Record):
    """The whole story of one command, the same for every command; fields that do not apply are empty.

    Attributes:
        command: Its name.
        config: What was asked for.
        data: The data that it was measured on.
        measurements: One for each artifact; the first is the baseline.
        comparisons: Each other artifact against the baseline.
        control: The original, trained as long without the technique; `control_comparison` is against the original.
        layers: What was done to each layer.
        errors: What quantizing does at each layer.
        groups: What each group of channels is worth, what hurts most first.
        gates: The limits that were set, and whether they hold.
        lock: What the lock of a recipe was held to.
        warnings: Sentences on what makes the figures doubtful: they are shown first.
        notes: Sentences on what was done or left out.
        replicas: The device of each replica, if training was distributed.
        history: The losses and metrics of each epoch; the weights are those of `best_epoch`, counted from 1, or 0 if
            they are those before the first.
        trials: The trials of a search.
        importances: How much each option of a search mattered, as shares.
        front: The best files of a search, the cheapest first.
        seed: The seed of everything random.
        output: The file that was written.
        versions: Of Python and of the packages that decide a result.
    """

    command: str
    config: Json
    data: DataSummary | None
    measurements: list[Measurement]
    comparisons: list[Comparison]
    control: Measurement | None = None
    control_comparison: Comparison | None = None
    layers: list[LayerChange] = []
    errors: list[LayerError] = []
    groups: list[GroupLoss] = []
    gates: list[GateResult] = []
    lock: list[LockCheck] = []
    warnings: list[str] = []
    notes: list[str] = []
    replicas: list[str] = []
    history: list[dict[str, float]] = []
    best_epoch: int | None = None
    trials: list[TrialResult] = []
    importances: dict[str, float] = {}
    front: list[FrontPoint] = []
    seed: int | None = None
    output: str | None = None
    versions: dict[str, str] = {}

    @property
    def passed(self) -> bool:
        """True if every gate holds, and the lock."""
        return all(gate.passed for gate in self.gates) and all(check.passed for check in self.lock)

    def with_notes(self, notes: Sequence[str]) -> Self:
        """Return the report with further notes."""
        return self.model_copy(update={"notes": [*self.notes, *notes]})


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result, by name."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
