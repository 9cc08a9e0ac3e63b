"""The end of every command: measure what went in and what came out, and say it all in one report."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfopt.config.fields import Config
from tfopt.core.context import metric_of
from tfopt.core.provenance import DataLike, changed_note, data_for
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.evaluation.bleu import copied
from tfopt.evaluation.config import Gates
from tfopt.evaluation.fidelity import Unlabelled, compare_answers
from tfopt.evaluation.gates import check, check_agreement
from tfopt.evaluation.limits import limit_for
from tfopt.evaluation.measurement import Measured, compare_with_control, measure
from tfopt.evaluation.measurement import compare as compare_measured
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.evaluation.sanity import guess_doubts, scale_doubts
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load
from tfopt.formats.matching import match_artifact
from tfopt.report.changes import Comparison
from tfopt.report.schema import Baseline, DataSummary, GateResult, Report, package_versions
from tfopt.runtime.progress import Progress
from tfopt.tasks.registry import rules_for

TRAINING = ("train", "tune")  # commands whose models are new


@dataclass(frozen=True)
class Result:
    """Holds what a command made and what it has to say about it.

    `companions` are the files that lie beside it: the `.keras` of QAT, the `.tflite` of a binarized model. `control` is
    the original trained as long, if that was asked for.
    """

    artifact: Artifact
    report: Report
    companions: tuple[Artifact, ...] = ()
    control: Artifact | None = None


def report_of(
    command: str,
    config: Config,
    data: Dataset | None,
    artifacts: Sequence[Artifact],
    progress: Progress,
    *,
    notes: Sequence[str] = (),
    gates: Gates | None = None,
    held: Artifact | None = None,
    untrained: bool = False,
    control: Artifact | None = None,
    metric: MetricLike | None = None,
    samples: Unlabelled | None = None,
) -> Report:
    """Measure artifacts on the test split and in time, and put what a command has to say around the figures.

    Args:
        command: What was run.
        config: What was asked for.
        data: The data, with their test split; None if there are none.
        artifacts: What is measured, the baseline first.
        progress: Shows how far the work is.
        notes: Sentences for the report.
        gates: Limits that all but the baseline are held to.
        held: The only artifact that is held to them, if not all are.
        untrained: Whether their weights are random, so that how well they answer is not measured.
        control: The first of them trained as long, with which the others are compared, too.
        metric: What they are measured by besides; None for what `config` asks for.
        samples: Without labels, on which answers are compared where there are no data.
    """
    if gates:
        limit_for(gates, data.task if data else None)  # refuses before the work
    position = next((index for index, one in enumerate(artifacts) if one is held), None)
    metric = metric or metric_of(config)
    beside = [control] if control else []
    every = measure([*artifacts, *beside], None if untrained else data, progress, metric=metric)
    measured, controls = every[: len(artifacts)], every[len(artifacts) :]
    comparisons, remarks = compare_measured(measured), _remarks(artifacts, data, untrained=untrained)
    if data is None or (gates and gates.min_agreement is not None):
        if data is not None:
            samples = Unlabelled(match_artifact(data, artifacts[0]).test.inputs, "the test split")
        comparisons, alike = compare_answers(comparisons, artifacts, samples)
        remarks += alike
    told = summary(data) if data else None
    report = Report(
        command=command,
        config=config.model_dump(mode="json"),
        data=told,
        measurements=[m.measurement for m in measured],
        comparisons=comparisons,
        gates=_gates(gates, measured, comparisons, position) if gates else [],
        warnings=_warnings(command, artifacts, data, measured, told),
        notes=[*notes, *remarks],
        seed=getattr(config, "seed", None),
        versions=package_versions(),
    )
    return _with_control(report, measured, controls[0]) if controls else report


def _gates(
    gates: Gates, measured: Sequence[Measured], comparisons: Sequence[Comparison], position: int | None
) -> list[GateResult]:
    held = None if position is None else measured[position].measurement.name
    return [*check(gates, measured, position), *check_agreement(gates, comparisons, held)]


def _with_control(report: Report, measured: Sequence[Measured], control: Measured) -> Report:
    [comparison] = compare_measured([measured[0], control])
    found = {"control": control.measurement, "control_comparison": comparison}
    return report.model_copy(
        update={**found, "comparisons": compare_with_control(report.comparisons, measured, control)}
    )


def _warnings(
    command: str,
    artifacts: Sequence[Artifact],
    data: Dataset | None,
    measured: Sequence[Measured],
    told: DataSummary | None,
) -> list[str]:
    """Return what makes the figures doubtful; models that were not scored (they are untrained) are not doubted."""
    measurements = [one.measurement for one in measured]
    if data is None or told is None or told.baseline is None or all(one.scores is None for one in measured):
        return []
    guesses = guess_doubts(measurements, told.baseline, data.task, trained=command in TRAINING)
    return scale_doubts(artifacts, data) + guesses


def report_files(
    command: str, models: Sequence[ModelLike], data: DataLike | None, gates: Gates, progress: Progress
) -> Report:
    """Measure models, the baseline first, on the data given or those that the first of them remembers that does."""
    if not models:
        raise InputError("`models` is empty: give at least one")
    artifacts = [load(model) for model in models]
    remembering = next((a for a in artifacts if a.provenance and a.provenance.data), artifacts[0])
    dataset, notes = data_for(remembering, data, progress)
    notes += [told for artifact in artifacts if (told := _other_data(artifact, dataset)) and told not in notes]
    return report_of(command, gates, dataset, artifacts, progress, notes=notes, gates=gates)


def _other_data(artifact: Artifact, data: Dataset | None) -> str:
    """Say if a model was trained on other data or splits than it is measured on, so that it may know test samples."""
    memory = artifact.provenance
    if data is None or memory is None or memory.data is None:
        return ""
    if memory.data.source != data.config.source and memory.fingerprint != data.fingerprint:
        return f"{artifact.name} was trained on {memory.data.source}, other data than it is measured on here"
    split = {"validation", "split_seed"}
    if memory.data.model_dump(include=split) != data.config.model_dump(include=split):
        return f"{artifact.name} was trained on another split of {data.config.source}: it may know the test samples"
    return changed_note(data, artifact.name) if memory.fingerprint != data.fingerprint else ""


def summary(data: Dataset) -> DataSummary:
    """Return what a report says of a data set."""
    return DataSummary(
        source=data.config.source,
        scale=data.scaling.scale,
        fingerprint=data.fingerprint,
        samples={name: len(split) for name, split in data.splits()},
        task=data.task,
        baseline=_baseline(data),
    )


def _baseline(data: Dataset) -> Baseline | None:
    if data.task == "compiled":
        return None
    if data.task == "translation":
        return Baseline(method="copying the source", value=copied(data))
    method, value = rules_for(data).baseline(data)
    return Baseline(method=method, value=value)


def _remarks(artifacts: Sequence[Artifact], data: Dataset | None, *, untrained: bool) -> list[str]:
    remarks = [] if data else ["accuracy not measured: no data"]
    if untrained:
        remarks = ["the weights are random: how well it answers is not measured"]
    remarks.extend(
        f"loaded without its loss and optimizer, which it is trained without: {artifact.uncompiled}"
        for artifact in artifacts
        if isinstance(artifact, KerasArtifact) and artifact.uncompiled
    )
    remarks.extend(
        f"{artifact.name} also holds {artifact.optimizer_bytes:,} bytes of optimizer state on disk; sizes here are"
        " without it"
        for artifact in artifacts
        if isinstance(artifact, KerasArtifact) and artifact.optimizer_bytes
    )
    return remarks
