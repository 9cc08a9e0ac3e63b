"""One training of one architecture, in a process of its own, so that its memory is its own."""

import resource
import sys
import time
from pathlib import Path

from pydantic import BaseModel

from tfopt.data.dataset import Dataset
from tfopt.runtime.progress import Progress, Silent
from tfopt.training.config import TrainConfig


class Run(BaseModel):
    """Holds the figures of a training.

    Attributes:
        arch: The architecture.
        seed: The seed.
        epochs: Number of epochs.
        best_epoch: Index of the one with the best validation loss, whose weights were kept.
        epoch_seconds: Seconds of each epoch, without validation.
        total_seconds: Seconds of all, with it.
        norms: Norms of the gradient by the first and by the last kernel, before training and after each epoch.
        added_bytes: By how much the training grew the memory of its process at most.
    """

    arch: str
    seed: int
    epochs: int
    best_epoch: int
    epoch_seconds: list[float]
    total_seconds: float
    norms: list[tuple[float, float]]
    added_bytes: int


def run_training(_progress: Progress, config: TrainConfig, data: Dataset, seconds: float | None, path: Path) -> Run:
    """Train a model and write it to a file.

    Args:
        _progress: Is told nothing: the parent shows which training it is.
        config: How to train.
        data: What to train on; it needs no test split.
        seconds: How long to train at most; None is as long as the config says.
        path: Where the model goes.

    Returns:
        How it went.

    Raises:
        TfoptError: If this architecture cannot be trained on these data.
    """
    from tfopt.evaluation.memory import resident
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.shootouts.callbacks import GradientNorms, Stopwatch
    from tfopt.training.train import train

    norms, watch = GradientNorms(data.train, data.task), Stopwatch(seconds)
    before, start = resident(), time.perf_counter()
    trained = train(config, data, Silent(), callbacks=[watch, norms])
    total = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    KerasArtifact.from_model(trained.model, path.name).save(path)
    return Run(
        arch=config.arch or trained.model.name,
        seed=config.seed,
        epochs=len(trained.result.history),
        best_epoch=trained.result.best_epoch,
        epoch_seconds=watch.seconds,
        total_seconds=total,
        norms=norms.norms,
        added_bytes=max(0, peak - before),
    )
