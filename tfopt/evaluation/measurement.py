"""Artifacts and a data set become measurements: the test split for accuracy, interleaved runs for latency."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.evaluation.answered import Answered, answered
from tfopt.evaluation.bleu import Translations, bleu_change, score, translations
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.evaluation.latency import MOST_ROUNDS, interleaved, latency, latency_change
from tfopt.evaluation.metrics.metric import Judged
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.evaluation.output_scores import ScoredOutput, output_changes, output_scores
from tfopt.evaluation.statistics import accuracy, accuracy_change, deviation, deviation_change
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.matching import match_artifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import tflite_macs
from tfopt.report.changes import Comparison, LatencyChange, ScoreChange, SizeChange, SizeVerdict
from tfopt.report.schema import Deviation, Measurement
from tfopt.runtime.progress import Progress
from tfopt.tasks.registry import rules_for
from tfopt.typing import Array, Clusters, Options

LEAST_CHANGE = 0.005
PIECE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """A measurement with what is needed to pair it with another.

    Attributes:
        measurement: The figures.
        scores: Right or wrong, or absolute errors (N,).
        times: Of each round in ms (rounds,).
        clusters: Which scores hang together (N,); None if none do.
        clustered: What the clusters are, as "images".
        translations: The texts that were made, in a translation.
        judged: What the metric says that was asked for; None if none was.
        outputs: The scores of each of several outputs.
    """

    measurement: Measurement
    scores: Array | None
    times: Array | None
    clusters: Clusters | None = None
    clustered: str = "samples"
    translations: Translations | None = None
    judged: Judged | None = None
    outputs: Sequence[ScoredOutput] = ()


def measure(
    artifacts: Sequence[Artifact],
    data: Dataset | None,
    progress: Progress,
    *,
    timed: bool = True,
    metric: MetricLike | None = None,
) -> list[Measured]:
    """Measure all artifacts in one go, so that their latencies are interleaved; accuracy is None without data."""
    found = [answered(artifact, data, metric, progress) for artifact in artifacts]
    times = _latencies(artifacts, data, progress) if timed else [None] * len(artifacts)
    clusters = rules_for(data).clusters(data.test.y) if data else None
    clustered = rules_for(data).cluster if data else "samples"
    measured = []
    for artifact, answers, time in zip(artifacts, found, times, strict=True):
        texts = translations(artifact, data, progress) if data and data.task == "translation" else None
        measurement = _measurement(artifact, data, answers, clusters, texts, time)
        outputs, judged = answers.outputs, answers.judged
        measured.append(Measured(measurement, answers.scores, time, clusters, clustered, texts, judged, outputs))
    return measured


def compare(measured: Sequence[Measured]) -> list[Comparison]:
    """Compare each with the first, and sizes and latency with the first of the same format."""
    return [_comparison(measured, index) for index in range(1, len(measured))]


def compare_with_control(
    comparisons: Sequence[Comparison], measured: Sequence[Measured], control: Measured
) -> list[Comparison]:
    """Add to the comparisons of all but the first of `measured` how their scores differ from those of a control."""
    return [
        comparison.model_copy(update={"control": next(iter(_score_changes(control, one).values()), None)})
        for comparison, one in zip(comparisons, measured[1:], strict=True)
    ]


def _comparison(measured: Sequence[Measured], index: int) -> Comparison:
    this, first = measured[index], measured[0]
    after = this.measurement
    peers = (m for m in measured[:index] if m.measurement.format == after.format)
    peer = next(peers, None)
    size: SizeChange | None = None
    speed: LatencyChange | None = None
    if peer is not None:
        before = peer.measurement
        size = _size_change(before, after)
        if this.times is not None and peer.times is not None:
            speed = latency_change(before.name, peer.times, this.times)
    judged = this.judged and first.judged and first.judged.change(first.measurement.name, this.judged)
    changes: Options = {
        "metric": judged,
        "outputs_changed": output_changes(first.measurement.name, first.outputs, this.outputs),
    }
    return Comparison(name=after.name, size=size, latency=speed, **changes, **_score_changes(first, this))


def _score_changes(first: Measured, this: Measured) -> dict[str, ScoreChange]:
    """Compare scores on the same samples, by the names that they have in a comparison."""
    name = first.measurement.name
    changes: dict[str, ScoreChange] = {}
    if this.scores is not None and first.scores is not None:
        if this.scores.dtype == np.bool_:
            changes["accuracy"] = accuracy_change(name, first.scores, this.scores, first.clusters, first.clustered)
        else:
            changes["deviation"] = deviation_change(name, first.scores, this.scores, first.clusters)
    if this.translations and first.translations:
        changes["bleu"] = bleu_change(name, first.translations, this.translations)
    return changes


def _size_change(before: Measurement, after: Measurement) -> SizeChange:
    change = after.file_bytes / before.file_bytes - 1
    compressed = after.gzip_bytes / before.gzip_bytes - 1
    of_model = (after.file_bytes - after.metadata_bytes) / (before.file_bytes - before.metadata_bytes) - 1
    if abs(of_model) > LEAST_CHANGE:
        verdict: SizeVerdict = "smaller" if of_model < 0 else "larger"
    else:
        verdict = "smaller when compressed" if compressed < -LEAST_CHANGE else "no gain"
    return SizeChange(
        against=before.name,
        file_bytes=change,
        gzip_bytes=compressed,
        nonzero_parameters=after.nonzero_parameters / max(1, before.nonzero_parameters) - 1,
        verdict=verdict,
    )


def _latencies(artifacts: Sequence[Artifact], data: Dataset | None, progress: Progress) -> Sequence[Array | None]:
    inputs = [_sample(artifact, data) for artifact in artifacts]
    if any(sample is None for sample in inputs):
        return [None] * len(artifacts)
    with progress.task("timing, in turns", MOST_ROUNDS) as advance:
        runners = [a.runner(sample) for a, sample in zip(artifacts, inputs, strict=True) if sample is not None]
        return list(interleaved(runners, advance).T)


def _sample(artifact: Artifact, data: Dataset | None) -> list[Array] | None:
    """One sample of each input: from the data, else noise; None for text or if a size is not fixed."""
    shapes = artifact.input_shapes()
    if data is not None:
        test = match_artifact(data, artifact).test
        return list(test.rows(slice(1)).inputs)
    if "string" in artifact.input_types():
        return None
    fixed = [tuple(size for size in shape[1:] if size is not None) for shape in shapes]
    if any(len(sizes) + 1 != len(shape) for sizes, shape in zip(fixed, shapes, strict=True)):
        return None
    rng = np.random.default_rng(0)
    return [rng.random((1, *sizes), np.float32) for sizes in fixed]


def _measurement(
    artifact: Artifact,
    data: Dataset | None,
    answers: Answered,
    clusters: Clusters | None,
    texts: Translations | None,
    times: Array | None,
) -> Measurement:
    found = answers.scores
    count, nonzero = artifact.parameter_counts()
    macs = None
    if isinstance(artifact, KerasArtifact):
        macs = keras_macs(artifact.model)
    elif isinstance(artifact, TfliteArtifact):
        macs = tflite_macs(artifact.payload)
    size = len(artifact.payload)
    return Measurement(
        name=artifact.name,
        format=artifact.format,
        inputs=artifact.ports("input"),
        outputs=artifact.ports("output"),
        file_bytes=size,
        disk_bytes=(artifact.disk_bytes if isinstance(artifact, KerasArtifact) else None) or size,
        metadata_bytes=artifact.metadata_bytes,
        gzip_bytes=_gzip_bytes(artifact.payload),
        parameters=count,
        nonzero_parameters=nonzero,
        macs=macs,
        accuracy=accuracy(found, clusters) if found is not None and found.dtype == np.bool_ else None,
        deviation=_deviation(found, data, clusters) if found is not None and data and found.dtype != np.bool_ else None,
        bleu=score(texts) if texts else None,
        metric=answers.judged.figure() if answers.judged else None,
        classes=answers.classes,
        outputs_scored=output_scores(answers.outputs),
        latency=None if times is None else latency(times, artifact.runtime),
    )


def _gzip_bytes(payload: bytes) -> int:
    """Return what `gzip -6` makes of it, counted piece by piece."""
    compressor = zlib.compressobj(6, wbits=zlib.MAX_WBITS | 16)
    pieces = memoryview(payload)
    sizes = (len(compressor.compress(pieces[i : i + PIECE])) for i in range(0, len(pieces), PIECE))
    return sum(sizes) + len(compressor.flush())


def _deviation(errors: Array, data: Dataset, clusters: Clusters | None) -> Deviation:
    measure = {"several": "guess", "compiled": "loss"}.get(data.task, "mae")
    found = deviation(errors, _unit(data) if measure == "mae" else None, clusters)
    return found.model_copy(update={"measure": measure})


def _unit(data: Dataset) -> float | None:
    """Return what 1 is in the units of the data; None if that differs from column to column."""
    deviations = np.unique(data.targets.deviation)
    return float(deviations[0]) if len(deviations) == 1 else None
