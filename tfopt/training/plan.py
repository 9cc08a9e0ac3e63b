"""A plan says how to train: what a technique or a user asked for, and what follows from it for a data set."""

from dataclasses import dataclass, replace
from typing import Protocol

import keras
import tensorflow as tf

from tfopt.config.choices import Augmentation, Decay
from tfopt.data.dataset import Dataset
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.training.batches import steps_per_epoch
from tfopt.training.defaults import default_batch_size, default_epochs, default_patience
from tfopt.training.optimizers import make_optimizer
from tfopt.typing import Options


class Asked(Protocol):
    """A config of a training from scratch; what is None is chosen by the number of samples."""

    @property
    def epochs(self) -> int | None:
        """The most epochs."""

    @property
    def batch_size(self) -> int | None:
        """Samples a step."""

    @property
    def patience(self) -> int | None:
        """Epochs without a better one before the end."""

    @property
    def learning_rate(self) -> float:
        """That of Adam."""


@dataclass(frozen=True)
class FitPlan:
    """The length and speed of a training, and all else that shapes it; fields from `decay` on are of `TrainConfig`.

    Attributes:
        epochs: The largest number of epochs.
        batch_size: The largest number of samples in a batch, over all replicas.
        learning_rate: The learning rate of Adam.
        seed: Decides the order of samples and all random layers.
        patience: After so many epochs without a better one the training stops; None for never.
        select_from: The first epoch, counted from 0, that may be selected.
        tied: Whether constraints say what the gradient of weights that share a value is.
        relative: Whether the learning rate is relative to the size of each kernel.
        metric: Chooses the epoch, in place of the validation loss.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    patience: int | None = None
    select_from: int = 0
    decay: Decay = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    class_weights: bool = False
    augment: tuple[Augmentation, ...] = ()
    jit: bool = False
    tied: bool = False
    relative: bool = False
    metric: MetricLike | None = None

    @classmethod
    def of(cls, config: "Asked", samples: int) -> "FitPlan":
        """Return the plan that a config for a new model asks for, under the strategy of this scope.

        Args:
            config: What was asked for.
            samples: The number of training samples, by which what was left out is chosen.
        """
        given: Options = {name: getattr(config, name) for name in cls.__dataclass_fields__ if hasattr(config, name)}
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        batch_size = config.batch_size or default_batch_size(samples, replicas)
        steps = steps_per_epoch(samples, batch_size)
        given |= {
            "batch_size": batch_size,
            "epochs": config.epochs or default_epochs(steps),
            "patience": config.patience or default_patience(steps),
            "learning_rate": config.learning_rate * (replicas if getattr(config, "scale_lr", False) else 1),
        }
        return cls(**given)

    def lasting(self, epochs: int) -> "FitPlan":
        """Return the plan of a training as long as one by this plan was, of so many epochs; any may be the best.

        Where the learning rate falls over all epochs it is this one, patience included.
        """
        shared = replace(self, select_from=0)
        return replace(shared, epochs=epochs, patience=None) if self.decay == "constant" else shared

    @property
    def chosen_by(self) -> str:
        """The end of a note about the chosen epoch; nothing if the validation loss has chosen it."""
        return f", chosen by {getattr(self.metric, '__name__', self.metric)}" if self.metric else ""

    @property
    def soft(self) -> bool:
        """True if labels are shares of classes rather than indices."""
        return bool(self.label_smoothing) or "mixup" in self.augment

    def steps(self, data: Dataset) -> int:
        """Return the number of training steps of one epoch."""
        return steps_per_epoch(len(data.train), self.batch_size)

    def optimizer(self, data: Dataset) -> keras.optimizers.Optimizer:
        """Return a new optimizer for the training on `data`."""
        return make_optimizer(
            self.learning_rate,
            self.epochs * self.steps(data),
            decay=self.decay,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            tied=self.tied,
            relative=self.relative,
        )

    def jitted(self) -> bool:
        """Tell whether steps are compiled by XLA, which Keras cannot do with several replicas."""
        return self.jit and tf.distribute.get_strategy().num_replicas_in_sync == 1
