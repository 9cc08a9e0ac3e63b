"""The callbacks of every training: which epoch is the best, how the losses went, and how far the training is.

They are Keras 3 callbacks, and go by what Keras hands them alone, so that `fit_tf_keras` can adapt them to tf_keras.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from tfopt.errors import InputError
from tfopt.runtime.progress import Advance
from tfopt.typing import Array, Logs

PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.3, 3


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and stops the training some epochs after it.

    Args:
        first: The first epoch, counted from 0, that may be the best.
        patience: After so many epochs without a better one the training stops; None for never.
        judge: Says how bad the model is after an epoch, in place of the validation loss.

    Attributes:
        epoch: The best epoch so far; None before there is one.
        loss: Its validation loss, or what `judge` said; infinite if the loss is not a number.
        weights: The weights of the model after it.
    """

    def __init__(self, first: int = 0, patience: int | None = None, judge: Callable[[], float] | None = None) -> None:
        super().__init__()
        self.judge = judge
        self.first = first
        self.patience = patience
        self.epoch: int | None = None
        self.loss = float("inf")
        self.weights: list[Array] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare this epoch's validation loss with the best so far."""
        loss = float((logs or {})["val_loss"])
        if self.judge and np.isfinite(loss):
            loss = self.judge()
        if epoch >= self.first and (loss < self.loss or self.epoch is None):
            self.epoch, self.loss = epoch, loss if np.isfinite(loss) else float("inf")
            self.weights = self.model.get_weights()
        if self.is_over(epoch):
            self.model.stop_training = True

    def is_over(self, epoch: int) -> bool:
        """Tell whether the training stops after `epoch`, because the best one is `patience` epochs back."""
        return self.patience is not None and self.epoch is not None and epoch - self.epoch >= self.patience


class HistoryRecorder(keras.callbacks.Callback):
    """Appends the losses and metrics of each epoch, as plain floats, to a list that the checkpoint saves."""

    def __init__(self, history: list[dict[str, float]]) -> None:
        super().__init__()
        self.history = history

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Append this epoch."""
        self.history.append({name: float(value) for name, value in (logs or {}).items()})


class ProgressBar(keras.callbacks.Callback):
    """Moves a progress task by one each step and shows the loss, and the accuracy or error."""

    def __init__(self, advance: Advance, epochs: int) -> None:
        super().__init__()
        self.advance = advance
        self.epochs = epochs
        self.epoch = 0
        self.validation = ""
        self.shown = ""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Note which epoch it is."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Move on by one step."""
        logs = logs or {}
        measures = " ".join(f"{name} {logs[name]:.3f}" for name in ("loss", "accuracy", "mae") if name in logs)
        self.shown = f"epoch {self.epoch}/{self.epochs} {measures}{self.validation}"
        self.advance(1, self.shown)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Show that it goes on."""
        self.advance(0, self.shown)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Show the validation accuracy or error until the next epoch ends."""
        logs = logs or {}
        self.validation = f", validation {logs.get('val_accuracy', logs.get('val_mae', float('nan'))):.3f}"


class Plateau(keras.callbacks.Callback):
    """Lowers the learning rate whenever the validation loss has not fallen for some epochs.

    It goes by the history alone, so that a resumed run goes on with the same rate.
    """

    def __init__(self, rate: float, history: Sequence[dict[str, float]]) -> None:
        super().__init__()
        self.rate = rate
        self.history = history

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Set the rate that follows from the losses so far."""
        falls = count_plateaus([float(logs["val_loss"]) for logs in self.history])
        self.model.optimizer.learning_rate = self.rate * PLATEAU_FACTOR**falls


def count_plateaus(losses: Sequence[float]) -> int:
    """Count how often the loss has stood still for `PLATEAU_PATIENCE` epochs, beginning anew after each time.

    Example:
        >>> count_plateaus([0.8, 0.9, 0.9, 0.9, 0.7, 0.7, 0.7])
        1
    """
    best, waited, count = float("inf"), 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == PLATEAU_PATIENCE:
            waited, count = 0, count + 1
    return count


@dataclass(frozen=True)
class EpochMonitor:
    """Follows a training of a model of either Keras: which epoch is the best, and how the losses went."""

    best: BestEpoch
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """The callbacks that follow the training."""
        return [self.best, HistoryRecorder(self.history)]

    @property
    def diverged(self) -> bool:
        """True if no epoch had a validation loss that is a number."""
        return self.best.epoch is None or self.best.loss == float("inf")

    def restore_best(self, model: keras.Model, learning_rate: float) -> int:
        """Give `model` the weights of the best epoch; return that epoch, counted from 0.

        Raises:
            InputError: The training diverged; the message suggests a smaller rate than `learning_rate`.
        """
        if self.diverged or self.best.epoch is None:
            raise InputError(
                "training diverged: the validation loss is not a number;"
                f" try a smaller learning rate than {learning_rate:g}"
            )
        model.set_weights(self.best.weights)
        return self.best.epoch


def tensorboard_callbacks(folder: Path | None) -> list[keras.callbacks.Callback]:
    """Return the callback that writes logs for TensorBoard into `folder`; none if there is no folder.

    Raises:
        InputError: The folder cannot be made, or the tensorboard package is missing.
    """
    if folder is None:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"`tensorboard` {folder} cannot be a folder of logs: {error.strerror}") from error
    try:
        import tensorboard  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        raise InputError("`tensorboard` needs the tensorboard package: pip install 'tfopt[tensorboard]'") from None
    return [keras.callbacks.TensorBoard(folder)]
