"""Model selection: the weights of the epoch with the lowest validation loss are kept, and training stops after it."""

import keras
import numpy as np

from tfopt.typing import Array, Logs


class BestEpoch(keras.callbacks.Callback):
    """Remembers the best weights among the epochs from `first` on; stops `patience` epochs after the best."""

    def __init__(self, first: int = 0, patience: int | None = None) -> None:
        super().__init__()
        self.first = first
        self.patience = patience
        self.epoch: int | None = None
        self.loss = float("inf")
        self.weights: list[Array] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare this epoch's validation loss with the best so far."""
        loss = float((logs or {})["val_loss"])
        if epoch >= self.first and (loss < self.loss or self.epoch is None):
            self.epoch, self.loss = epoch, loss if np.isfinite(loss) else float("inf")
            self.weights = self.model.get_weights()
        self.stop_if_done(epoch)

    def stop_if_done(self, epoch: int) -> None:
        """Stop training when the best epoch is `patience` epochs back."""
        if self.patience is not None and self.epoch is not None and epoch - self.epoch >= self.patience:
            self.model.stop_training = True
