"""The comparison itself: fit widths to the budget, train everything, measure what came out in turns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t

from tfopt.core.result import summary
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, TfoptError
from tfopt.evaluation.measurement import Measured, measure
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.report.schema import package_versions
from tfopt.report.shootout import Contestant, Estimate, Gradients, ShootoutReport
from tfopt.runtime.processes import run
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.shootouts.budget import fit_width
from tfopt.shootouts.config import ShootoutConfig
from tfopt.shootouts.training_run import Run
from tfopt.training.config import TrainConfig

MANY_EPOCHS = 100_000
EXPLANATIONS = (
    "scores are means over seeds with the 95 % interval of Student's t, all on the same test samples",
    "seconds an epoch: without validation and without the first epoch, which compiles; + is the memory that training"
    " added to its process",
    "gradient: root mean square by the first kernel over that by the last, on the same training samples; far below 1 it"
    " vanishes on its way back, far above 1 it explodes",
    "inference: the models of seed 0 in turns in random order",
)


def report_shootout(config: ShootoutConfig, data: Dataset, progress: Progress) -> ShootoutReport:
    """Train, measure and report; arguments and errors as for `shootout`."""
    contestants, notes = shootout(config, data, progress)
    return ShootoutReport(
        config=config.model_dump(mode="json"),
        data=summary(data),
        budget=config.budget,
        contestants=contestants,
        notes=[*data.notes, *notes],
        versions=package_versions(),
    )


def shootout(config: ShootoutConfig, data: Dataset, progress: Progress) -> tuple[list[Contestant], list[str]]:
    """Train every architecture with every seed, and measure the models on the test split.

    Args:
        config: The architectures and the budget.
        data: What to train and to measure on.
        progress: Shows how far it is.

    Returns:
        The contestants, and notes on them; an architecture that does not fit the data is one of these.

    Raises:
        InputError: If no architecture fits.
        TfoptError: If a training fails.
    """
    trainings, notes = _plan(config, Signature.of(data), progress)
    seen = data.without_test()
    with temporary_folder() as folder:
        runs: dict[str, list[Run]] = {arch: [] for arch in trainings}
        artifacts: dict[str, list[KerasArtifact]] = {arch: [] for arch in trainings}
        most = len(trainings) * config.seeds
        with progress.task("training", most) as advance:
            for seed in range(config.seeds):
                for number, (arch, training) in enumerate(trainings.items(), 1 + seed * len(trainings)):
                    advance(0, f"training {number} of {most}: {arch}, seed {seed}")
                    path = folder / f"{arch}-{seed}.keras"
                    seeded = training.model_copy(update={"seed": seed})
                    runs[arch].append(_train(arch, seeded, seen, config.seconds, path))
                    artifacts[arch].append(_load(path, arch))
                    advance(1)
        firsts = measure([made[0] for made in artifacts.values()], data, progress)
        others = [measure(made[1:], data, progress, timed=False) for made in artifacts.values()]
    contestants = [
        _contestant(arch, trainings[arch], runs[arch], [first, *rest])
        for arch, first, rest in zip(trainings, firsts, others, strict=True)
    ]
    return contestants, [*notes, *EXPLANATIONS]


def _plan(config: ShootoutConfig, signature: Signature, progress: Progress) -> tuple[dict[str, TrainConfig], list[str]]:
    base = config.training.model_copy(update={"epochs": MANY_EPOCHS} if config.seconds else {})
    trainings: dict[str, TrainConfig] = {}
    notes = []
    with progress.task("fitting widths", len(config.archs)) as advance:
        for arch in config.archs:
            training = base.model_copy(update={"arch": arch})
            try:
                if config.budget:
                    training = fit_width(training, signature, config.budget)
                else:
                    build(training, signature)
                trainings[arch] = training
            except InputError as error:
                notes.append(f"{arch} is left out: {error}")
            advance(1, arch)
    if not trainings:
        raise InputError("; ".join(notes))
    return trainings, notes


def _train(arch: str, config: TrainConfig, data: Dataset, seconds: float | None, path: Path) -> Run:
    try:
        return Run.model_validate(run("tfopt.shootouts.training_run:run_training", config, data, seconds, path))
    except TfoptError as error:
        raise TfoptError(f"`arch` {arch} failed: {error}") from None


def _load(path: Path, arch: str) -> KerasArtifact:
    artifact = KerasArtifact.load(path)
    artifact.name = arch
    return artifact


def _contestant(arch: str, training: TrainConfig, runs: Sequence[Run], measured: Sequence[Measured]) -> Contestant:
    first = measured[0].measurement
    found = [float(m.scores.mean()) for m in measured if m.scores is not None]
    settled = [np.median(run.epoch_seconds[1:] or run.epoch_seconds) for run in runs]
    return Contestant(
        arch=arch,
        width=training.width,
        scores=found,
        score=estimate(found, most=1.0 if measured[0].measurement.accuracy else np.inf),
        measurement=first,
        epochs=[run.epochs for run in runs],
        epoch_seconds=float(np.median(settled)),
        gradients=[Gradients(first=[a for a, _ in run.norms], last=[b for _, b in run.norms]) for run in runs],
        added_bytes=max(run.added_bytes for run in runs),
    )


def estimate(values: Sequence[float], most: float = 1.0) -> Estimate:
    """Estimate the mean over seeds.

    Args:
        values: A score for each seed.
        most: The best score there is.

    Returns:
        The mean with the 95 % interval of Student's t, within 0 and `most`; no interval from a single value.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean=mean, low=None, high=None)
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Estimate(mean=mean, low=max(0.0, mean - half), high=min(most, mean + half))
