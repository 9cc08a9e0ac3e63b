"""A process that trains with others: each has a share of every batch, and all of them have the same weights."""

import json
import os
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from tfopt.distribution.strategies import make_worker_strategy
from tfopt.distribution.workers.addresses import port_taken_message
from tfopt.distribution.workers.agreement import check_agreement, share_checkpoints
from tfopt.distribution.workers.job import Job, Outcome
from tfopt.errors import InputError, WorkerError
from tfopt.formats.loading import load_keras
from tfopt.models.applications import PREFIX
from tfopt.runtime.protocol import ParentProgress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.training.train import train


def run_worker(progress: ParentProgress, job: Job) -> Outcome:
    """Train as one of the workers.

    Args:
        progress: Is told when the workers have come together, and then how far the training is.
        job: What to do.

    Returns:
        What there is to say about the model, which is written if the job says where.

    Raises:
        InputError: If the workers do not come together or were asked for different things.
        WorkerError: If others have failed this one, so that it may help to start again.
    """
    try:
        with temporary_folder() as folder:
            return _train(job, progress, folder)
    except (tf.errors.OpError, RuntimeError, OSError) as error:
        raise WorkerError(_first_line(error)) from error


def _train(job: Job, progress: ParentProgress, own: Path) -> Outcome:
    if job.threads:
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    chief = job.rank == 0
    task = {"type": "worker", "index": job.rank}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": job.addresses}, "task": task})
    # Those who are not the chief train from and into a folder of their own.
    files = job.files if chief else replace(
        job.files, checkpoint=own / job.files.checkpoint.name, resume=True, tensorboard=None
    )  # fmt: skip
    where = _join(job)
    progress.ready()
    share_checkpoints(where, files.folders, giving=chief and job.files.resume)
    base = job.config.base
    made = load_keras(base).fresh_model if base and not base.startswith(PREFIX) else None
    trained = train(job.config, job.data, progress, files, made, where=where)
    if job.output:
        trained.model.save(job.output)
    result = trained.result
    return Outcome(
        history=result.history,
        best_epoch=result.best_epoch,
        resumed_at=result.resumed_at,
        steps=result.steps,
        replicas=trained.replicas,
        notes=trained.notes,
    )


def _join(job: Job) -> tf.distribute.Strategy:
    """Meet the others, and see that all were asked for the same."""
    try:
        where = make_worker_strategy()
        check_agreement(where, len(job.addresses), job.rank, job.asked)
    except tf.errors.OpError as error:
        if "gRPC server" in str(error):
            raise InputError(port_taken_message(job.addresses[job.rank], job.rank)) from None
        if "size" not in str(error):
            raise
        raise InputError(
            f"the workers do not come together ({_first_line(error)}); every worker needs the same `workers` and as"
            " many devices as the others"
        ) from None
    return where


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0].rpartition("}} ")[2] if lines else ""
    return f"{type(error).__name__}: {text[:200]}"
