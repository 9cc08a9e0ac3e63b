"""Training by workers from start to end: whoever dies, the group goes on from the last checkpoint."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfopt.data.dataset import Dataset
from tfopt.distribution.workers.addresses import check_port, free_ports, wait_until_gone
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.distribution.workers.gpus import visible_gpus
from tfopt.distribution.workers.group import started
from tfopt.distribution.workers.job import OUTCOME, TRAINED, Job, Outcome
from tfopt.distribution.workers.supervisor import Watch
from tfopt.errors import WorkerError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.versions import versions
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.training.checkpoint import NOT_STARTED, RunFiles, remove_without_checkpoint, saved_position
from tfopt.training.config import TrainConfig
from tfopt.training.fit import FitResult
from tfopt.training.plan import FitPlan
from tfopt.training.train import TrainingResult


def train(
    config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles | None, progress: Progress
) -> TrainingResult:
    """Train on the workers that this process is to start, and return what they made.

    Raises `InputError` if they do not come together or were asked for different things, `WorkerError` if one of them
    has died too often.
    """
    visible = visible_gpus(workers.workers) if isinstance(workers.workers, int) else [None]
    if not isinstance(workers.workers, int):
        assert workers.rank is not None
        check_port(workers.workers[workers.rank], workers.rank)
    with temporary_folder() as own:
        files = files or RunFiles(own / "checkpoint", {})
        notes: list[str] = []
        for attempt in range(workers.max_restarts + 1):
            watch = Watch(workers, progress, first=attempt == 0)
            try:
                with started(_jobs(config, data, workers, files, own), visible) as group:
                    failure = watch.until_the_end(group)
            finally:
                for folder in [] if workers.rank else files.folders:
                    remove_without_checkpoint(folder)  # a worker that was killed cannot
            if failure is None:
                break
            if attempt == workers.max_restarts:
                times = f" after {attempt} new starts" if attempt else ""
                raise WorkerError(f"{failure}{times}; --max-restarts {attempt} allows no more")
            notes.append(_again(failure, watch.steps, config, data, workers, files))
            progress.say(notes[-1])
            files = replace(files, resume=True)
            if not isinstance(workers.workers, int):
                wait_until_gone(workers.workers, workers.rank or 0, workers.timeout)
        model = KerasArtifact.load(own / TRAINED).model
        outcome = Outcome.model_validate_json((own / OUTCOME).read_bytes())
    result = FitResult(outcome.history, outcome.best_epoch, outcome.resumed_at, outcome.steps)
    return TrainingResult(model, result, outcome.replicas, [*outcome.notes, *notes])


def _jobs(config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles, own: Path) -> Sequence[Job]:
    """What the workers that this process starts are to do; the first of them writes the model into `own`."""
    if isinstance(workers.workers, int):
        addresses, ranks = free_ports(workers.workers), range(workers.workers)
        threads = max(1, (os.cpu_count() or 1) // workers.workers)
    else:
        assert workers.rank is not None
        addresses, ranks, threads = workers.workers, range(workers.rank, workers.rank + 1), None
    packages = {name: version for name, version in versions().items() if name != "python"}
    asked = {
        "list of workers": addresses,
        "data set": [data.fingerprint, len(data.train), len(data.validation)],
        "set of options": [config.model_dump(mode="json"), files.run],
        "version of a package": packages,
    }
    seen = replace(data, test=data.test.rows(slice(0)))  # training has no use for it
    return [
        Job(config, seen, files, addresses, rank, asked, own if rank == ranks[0] else None, threads) for rank in ranks
    ]


def _again(
    failure: str, steps: int, config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles
) -> str:
    """What has happened, and how much of the work is lost."""
    if workers.rank:
        return f"{failure}: started again, from the chief's last checkpoint"
    position = next((at for folder in files.folders if (at := saved_position(folder)) != NOT_STARTED), NOT_STARTED)
    kept = position.epoch * FitPlan.of(config).steps(data) + position.step
    where = "at the beginning" if position == NOT_STARTED else f"after {position}"
    lost = max(0, steps - kept)
    return f"{failure} in step {steps + 1}: all started again {where}, {lost} step{'s' * (lost != 1)} lost"
