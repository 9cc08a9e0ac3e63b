"""Training by workers from start to end: whoever dies, the group goes on from the last checkpoint."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.distribution.workers.addresses import check_port, free_ports, wait_until_gone
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.distribution.workers.job import Job, Outcome
from tfopt.distribution.workers.supervisor import Supervisor
from tfopt.errors import InputError, WorkerError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.schema import package_versions
from tfopt.runtime.process_group import ProcessGroup
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.training.checkpoint import NOT_STARTED, RunFiles, remove_without_checkpoint, saved_position
from tfopt.training.config import TrainConfig
from tfopt.training.fit import FitResult
from tfopt.training.plan import FitPlan
from tfopt.training.train import TrainingResult

WORKER = "tfopt.distribution.workers.worker:run_worker"


def train_by_workers(
    config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles | None, progress: Progress
) -> TrainingResult:
    """Train a model on several processes that this one starts, or on its share of those of a cluster.

    Args:
        config: How to train.
        data: What on; workers do not see the test split.
        workers: Who they are.
        files: Where checkpoints are kept; None is in a temporary folder.
        progress: Shows how far the first of them is.

    Returns:
        What they made.

    Raises:
        InputError: If they do not come together or were asked for different things.
        WorkerError: If one of them has died too often.
    """
    visible = visible_gpus(workers.workers) if isinstance(workers.workers, int) else [None]
    if not isinstance(workers.workers, int):
        assert workers.rank is not None
        check_port(workers.workers[workers.rank], workers.rank)
    with temporary_folder() as own:
        files = files or RunFiles(own / "checkpoint", {})
        model = own / "trained.keras"
        notes: list[str] = []
        for attempt in range(workers.max_restarts + 1):
            supervisor = Supervisor(workers, progress, first=attempt == 0)
            try:
                with ProcessGroup() as group:
                    for job, gpus in zip(_jobs(config, data, workers, files, model), visible, strict=True):
                        group.start(job.rank, WORKER, job, environment=_environment(gpus))
                    failure = supervisor.wait(group)
            finally:
                for folder in [] if workers.rank else files.folders:
                    remove_without_checkpoint(folder)  # a worker that was killed cannot
            if failure is None:
                break
            if attempt == workers.max_restarts:
                times = f" after {attempt} new starts" if attempt else ""
                raise WorkerError(f"{failure}{times}; `max_restarts` {attempt} allows no more")
            notes.append(_restart_note(failure, supervisor.steps, config, data, workers, files))
            progress.say(notes[-1])
            files = replace(files, resume=True)
            if not isinstance(workers.workers, int):
                wait_until_gone(workers.workers, workers.rank or 0, workers.timeout)
        outcome = Outcome.model_validate(supervisor.results[min(supervisor.results)])
        result = FitResult(outcome.history, outcome.best_epoch, outcome.resumed_at, outcome.steps)
        return TrainingResult(KerasArtifact.load(model).model, result, outcome.replicas, [*outcome.notes, *notes])


def visible_gpus(count: int) -> list[str | None]:
    """Divide the GPUs of this machine among workers: each has as many as the others, none is shared.

    Args:
        count: Number of workers.

    Returns:
        `CUDA_VISIBLE_DEVICES` for each; None leaves it as it is, where there are no GPUs.

    Raises:
        InputError: If there are fewer GPUs than workers.
    """
    found = len(tf.config.list_physical_devices("GPU"))
    if not found:
        return [None] * count
    if found < count:
        raise InputError(f"`workers` {count} on this machine needs a GPU for each, and {found} can be seen")
    own = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = own.split(",") if own else [str(number) for number in range(found)]
    share = found // count
    return [",".join(names[worker * share : (worker + 1) * share]) for worker in range(count)]


def _environment(gpus: str | None) -> dict[str, str]:
    quiet = {"PYTHONWARNINGS": "ignore"} if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3" else {}
    return {"KERAS_BACKEND": "tensorflow", **quiet, **({} if gpus is None else {"CUDA_VISIBLE_DEVICES": gpus})}


def _jobs(config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles, model: Path) -> Sequence[Job]:
    """Return the jobs of the workers that this process starts; the first of them writes the model."""
    if isinstance(workers.workers, int):
        addresses, ranks = free_ports(workers.workers), range(workers.workers)
        threads = max(1, (os.cpu_count() or 1) // workers.workers)
    else:
        assert workers.rank is not None
        addresses, ranks, threads = workers.workers, range(workers.rank, workers.rank + 1), None
    packages = {name: version for name, version in package_versions().items() if name != "python"}
    asked: dict[str, object] = {
        "list of workers": addresses,
        "data set": [data.fingerprint, len(data.train), len(data.validation)],
        "set of options": [config.model_dump(mode="json"), files.run],
        "version of a package": packages,
    }
    seen = data.without_test()
    return [
        Job(config, seen, files, addresses, rank, asked, model if rank == ranks[0] else None, threads) for rank in ranks
    ]


def _restart_note(
    failure: str, steps: int, config: TrainConfig, data: Dataset, workers: WorkersConfig, files: RunFiles
) -> str:
    """Say what has happened, and how much of the work is lost."""
    if workers.rank:
        return f"{failure}: started again, from the chief's last checkpoint"
    position = next((at for folder in files.folders if (at := saved_position(folder)) != NOT_STARTED), NOT_STARTED)
    kept = position.epoch * FitPlan.of(config, len(data.train)).steps(data) + position.step
    where = "at the beginning" if position == NOT_STARTED else f"after {position}"
    lost = max(0, steps - kept)
    return f"{failure} in step {steps + 1}: all started again {where}, {lost} step{'s' * (lost != 1)} lost"
