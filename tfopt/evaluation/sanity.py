"""Doubts about a measurement: models that are fed otherwise than they were trained, and models that only guess.

A model that tfopt made remembers the values it was fed. One that does not is asked itself: if it does much better on
samples of the train split with another scaling, then it was trained with that one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset, Split
from tfopt.data.fed_values import LOOKED_AT, FedValues
from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.evaluation.statistics import SIGNIFICANT, accuracy_change, drop
from tfopt.formats.artifact import Artifact
from tfopt.formats.matching import match_artifact
from tfopt.report.figures import format_score
from tfopt.report.schema import Baseline, Measurement
from tfopt.tasks.registry import rules_for, rules_of
from tfopt.typing import Array, Clusters

LEAST_GAIN = 0.1  # of accuracy, by which another scaling has to be better
LEAST_ERROR_GAIN = 0.5  # of the mean error, likewise
TRAINED = "try a smaller `batch_size`, another `learning_rate`, more `epochs` or `patience`, or another `arch`"
GIVEN = "are the data scaled as in its training (`scale`), and do the labels count as its outputs do?"


def scale_doubts(artifacts: Sequence[Artifact], data: Dataset) -> list[str]:
    """Return a sentence for the models that seem to be fed on another scale than they were trained on.

    Args:
        artifacts: The models, the one that was given first.
        data: The data they are fed, which fit the first.
    """
    now = FedValues.of(data)
    if now is None:
        return []
    found = [_remembered_doubt(artifact, now) for artifact in artifacts]
    first = artifacts[0]
    if first.provenance is None or first.provenance.data is None:
        found.append(_tried_doubt(first, data, now))
    return [doubt for doubt in found if doubt]


def _remembered_doubt(artifact: Artifact, now: FedValues) -> str:
    fed = artifact.provenance.fed if artifact.provenance else None
    if fed is None or fed.resembles(now):
        return ""
    return f"{artifact.name} was trained on {fed}, but is fed {now} here: the data are scaled otherwise"


def _tried_doubt(artifact: Artifact, data: Dataset, now: FedValues) -> str:
    """Say which other scaling a model does much better with, on samples of the train split."""
    if data.kind == "series" or data.task in ("translation", "forecasting", "anomaly"):
        return ""
    sample = data.train.sample(LOOKED_AT)
    sample = match_artifact(_only(data, sample), artifact).train
    as_given = _scored(artifact, sample, sample.x, data)
    if rules_for(data).counts_right and as_given.mean() > 1 - LEAST_GAIN:
        return ""  # no other scaling can be so much better
    best, words = as_given, ""
    clusters = rules_for(data).clusters(sample.y)
    for name, x in _rescaled(data, sample):
        other = _scored(artifact, sample, x, data)
        if _is_much_better(best, other, data, clusters):
            best, words = other, name
    if not words:
        return ""
    before, after = (format_score(float(found.mean()), data.task) for found in (as_given, best))
    return (
        f"{artifact.name} is fed {now} and gets {before} on {len(sample)} train samples, but {after} with {words}: it"
        " seems to be trained so"
    )


def _only(data: Dataset, sample: Split) -> Dataset:
    return replace(data, train=sample, validation=sample, calibration=sample, test=sample)


def _rescaled(data: Dataset, sample: Split) -> Iterator[tuple[str, Array]]:
    """Yield the samples with the other scalings, each with what asks for it."""
    scaling = data.scaling
    if isinstance(scaling.mean, list) and len(scaling.mean) != sample.x.shape[-1]:
        return  # an axis of one channel came or went
    raw = scaling.inverse(sample.x)
    others = {
        "none": IDENTITY,
        "unit": Scaling(scale="unit", deviation=255),
        "signed": Scaling(scale="signed", mean=127.5, deviation=127.5),
        "standard": Scaling.standard(raw),
    }
    others.pop(scaling.scale)
    if data.kind == "features" or raw.max() <= 1:
        others = {name: one for name, one in others.items() if name in ("none", "standard")}
    yield from ((f"`scale` {name}", one(raw)) for name, one in others.items())
    if data.kind == "image" and raw.max() <= 1:
        yield "values of 255 times the size", raw * 255


def _scored(artifact: Artifact, sample: Split, x: Array, data: Dataset) -> Array:
    outputs = artifact.predict((x,))
    return rules_for(data).scores(outputs, sample.y, probabilities=artifact.gives_probabilities())


def _is_much_better(before: Array, after: Array, data: Dataset, clusters: Clusters | None) -> bool:
    if not rules_for(data).counts_right:
        return drop(before, after) < -LEAST_ERROR_GAIN
    change = accuracy_change("", before, after, clusters)
    return change.change >= LEAST_GAIN and change.p_value < SIGNIFICANT


def guess_doubts(measurements: Sequence[Measurement], baseline: Baseline, task: Task, *, trained: bool) -> list[str]:
    """Return a sentence on the models that are no better than a method without a model, and on what to try.

    Args:
        measurements: Of the test split, the baseline of all others first.
        baseline: The method without a model, and its score on the same samples.
        task: What is learnt.
        trained: Whether the models are new, so that their training is what to change.
    """
    found = [one for one in measurements if not _is_better(one, baseline, clearly=True)]
    if not found:
        return []
    if trained:
        advice = TRAINED
    elif measurements[0] in found:
        advice = GIVEN
    else:
        advice = f"{measurements[0].name} is better"
    how = "not clearly" if all(_is_better(one, baseline, clearly=False) for one in found) else "no"
    names = ", ".join(f"{one.name} ({format_score(_score(one), task)})" for one in found)
    return [
        f"{names} {'is' if len(found) == 1 else 'are'} {how} better than {rules_of(task).simple}: {baseline.method}"
        f" gets {format_score(baseline.value, task)}; {advice}"
    ]


def _score(one: Measurement) -> float:
    """Return the figure of a model that a baseline is compared with."""
    if one.deviation:
        return one.deviation.mae
    if one.bleu:
        return one.bleu.value
    return one.accuracy.value if one.accuracy else float("nan")


def _is_better(one: Measurement, baseline: Baseline, *, clearly: bool) -> bool:
    """Tell whether a model is better than a baseline, `clearly` by the whole interval of its accuracy."""
    if one.deviation:
        return one.deviation.mae < baseline.value
    if one.accuracy and not one.bleu and clearly:
        return one.accuracy.low > baseline.value
    return not _score(one) <= baseline.value  # one that was not scored is not doubted
