"""How to binarize weights and activations."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tfopt.config.choices import Mode
from tfopt.config.fields import Count, LearningRate, Seed
from tfopt.config.fine_tuning import TaughtConfig


class BinarizeConfig(TaughtConfig):
    """How to binarize: weights become a sign, or with mode ternary a sign or zero, times a scale an output channel.

    `learning_rate` is where that of Adam starts, before it falls to zero; None is 0.006, or 0.01 with `activations`.
    The teacher is the model itself, as it was given, unless another is named.
    """

    teacher: Path | Literal["self"] = "self"
    usual_weight: ClassVar[float] = 0.9
    mode: Mode = "binary"
    activations: bool = False
    post_training: bool = False
    keep_first_last: bool = True
    exclude: str | None = None
    plain: bool = False
    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: LearningRate | None = None
    seed: Seed = 0

    @property
    def samples_a_step(self) -> int:
        """Samples of a training step."""
        return self.batch_size or 64

    @property
    def rate(self) -> float:
        """The learning rate to start with; signs of activations hide so much of the gradient that they need more."""
        return self.learning_rate or (1e-2 if self.activations else 6e-3)

    @property
    def most_epochs(self) -> int:
        """Epochs to train."""
        return self.epochs or (40 if self.activations else 20)

    @model_validator(mode="after")
    def _rounding_is_no_training(self) -> Self:
        if self.post_training and self.activations:
            raise ValueError("--activations must be trained; it excludes --post-training")
        if self.post_training and (self.epochs or self.batch_size or self.learning_rate):
            raise ValueError("--post-training does not train: leave out --epochs, --batch-size and --learning-rate")
        if self.post_training and (self.teacher != "self" or self.teacher_weight is not None):
            raise ValueError("--post-training does not train: leave out --teacher and --teacher-weight")
        if self.post_training and self.distributed:
            raise ValueError("--post-training does not train: leave out --distributed")
        return self
