"""A process that trains with others: `python -m tfopt.distribution.workers.worker`.

Its job comes pickled through its standard input, which stays open as long as the parent lives: at its end, however it
came about, the worker ends too. Events go out through its standard output.
"""

import json
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from tfopt.distribution.strategies import make_worker_strategy
from tfopt.distribution.workers.addresses import port_taken
from tfopt.distribution.workers.agreement import agree, share
from tfopt.distribution.workers.job import AGAIN, OUTCOME, TRAINED, Event, Job, Outcome, Telling
from tfopt.errors import InputError, TfoptError
from tfopt.formats.loading import load_keras
from tfopt.models.applications import PREFIX
from tfopt.runtime.atomic_files import write_file
from tfopt.runtime.orphans import end_with_parent
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.training.train import TrainingResult, train


def main() -> None:
    """Train as one of the workers; end with 0, with 2 after a user's mistake, with `AGAIN` if others have failed it."""
    telling = Telling(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)  # what others print is no event
    job: Job = pickle.load(sys.stdin.buffer)
    end_with_parent()
    try:
        with temporary_folder() as folder:
            _work(job, telling, folder)
    except TfoptError as error:
        telling.tell(Event(kind="failed", text=str(error), error=type(error).__name__))
        code = 2
    except (tf.errors.OpError, RuntimeError, OSError) as error:
        telling.tell(Event(kind="failed", text=_first_line(error)))
        code = AGAIN
    else:
        code = 0
    # TensorFlow's threads may wait for workers that are gone; they must not keep this process.
    sys.stderr.flush()
    os._exit(code)


def _work(job: Job, telling: Telling, own: Path) -> None:
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
    try:
        where = make_worker_strategy()
        agree(where, len(job.addresses), job.rank, job.asked)
    except tf.errors.OpError as error:
        if "gRPC server" in str(error):
            raise InputError(port_taken(job.addresses[job.rank], job.rank)) from None
        if "size" not in str(error):
            raise
        raise InputError(
            f"the workers do not come together ({_first_line(error)}); every worker needs the same --workers and as"
            " many devices as the others"
        ) from None
    telling.tell(Event(kind="started"))
    share(where, files.folders, giving=chief and job.files.resume)
    base = job.config.base
    made = load_keras(base).fresh_model if base and not base.startswith(PREFIX) else None
    trained = train(job.config, job.data, telling, files, made, where=where)
    if job.output:
        _write(trained, job.output)


def _write(trained: TrainingResult, folder: Path) -> None:
    """Put the model and what there is to say about it where the parent finds them."""
    result = trained.result
    outcome = Outcome(
        history=result.history,
        best_epoch=result.best_epoch,
        resumed_at=result.resumed_at,
        steps=result.steps,
        replicas=trained.replicas,
        notes=trained.notes,
    )
    trained.model.save(folder / TRAINED)
    write_file(folder / OUTCOME, outcome.model_dump_json().encode(), force=True)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0].rpartition("}} ")[2] if lines else ""
    return f"{type(error).__name__}: {text[:200]}"


if __name__ == "__main__":
    main()
