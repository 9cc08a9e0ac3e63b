"""One training of one architecture, in a process of its own, so that its memory is its own.

`python -m tfopt.shootout.training_run FOLDER` reads `job.json` there and writes `model.keras` and `run.json`, or
`error.txt` with one sentence.
"""

import resource
import sys
import time
from pathlib import Path

from pydantic import BaseModel

from tfopt.data.config import DataConfig
from tfopt.errors import TfoptError
from tfopt.runtime.orphans import end_with_parent
from tfopt.training.config import TrainConfig


class Job(BaseModel):
    """What to train."""

    training: TrainConfig
    data: DataConfig
    seconds: float | None


class Run(BaseModel):
    """How it went: `norms` are those of the gradient by the first and the last kernel, before and after each epoch."""

    arch: str
    seed: int
    epochs: int
    best_epoch: int
    epoch_seconds: list[float]
    total_seconds: float
    norms: list[tuple[float, float]]
    added_bytes: int


def run(job: Job, folder: Path) -> Run:
    """Train, write the model and return the figures."""
    from tfopt.data.loader import load
    from tfopt.evaluation.memory import resident
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.runtime.progress import Silent
    from tfopt.shootout.callbacks import GradientNorms, Stopwatch
    from tfopt.training.train import train

    data = load(job.data)
    norms, watch = GradientNorms(data.train, data.task), Stopwatch(job.seconds)
    before, start = resident(), time.perf_counter()
    trained = train(job.training, data, Silent(), callbacks=[watch, norms])
    total = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    KerasArtifact.from_model(trained.model, "model.keras").save(folder / "model.keras")
    return Run(
        arch=job.training.arch or trained.model.name,
        seed=job.training.seed,
        epochs=len(trained.result.history),
        best_epoch=trained.result.best_epoch,
        epoch_seconds=watch.seconds,
        total_seconds=total,
        norms=norms.norms,
        added_bytes=max(0, peak - before),
    )


def _main(folder: Path) -> int:
    end_with_parent()
    job = Job.model_validate_json((folder / "job.json").read_bytes())
    try:
        made = run(job, folder)
    except TfoptError as error:
        (folder / "error.txt").write_text(str(error), encoding="utf-8")
        return 2
    (folder / "run.json").write_text(made.model_dump_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
