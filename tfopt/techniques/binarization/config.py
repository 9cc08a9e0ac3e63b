"""Options of the binarization of weights and activations."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Mode
from tfopt.config.fields import Count, Exclude, LearningRate, Option, Seed
from tfopt.config.fine_tuning import SelfTaughtConfig
from tfopt.conversion.config import MetadataConfig

SAMPLES_A_STEP = 64
RATE, RATE_WITH_SIGNS = 6e-3, 3e-2  # signs of activations hide so much of the gradient that they need more
EPOCHS, EPOCHS_WITH_SIGNS = 20, 40


class BinarizeConfig(SelfTaughtConfig, MetadataConfig):
    """Options of binarization: weights become a sign, with mode ternary also zero, times a scale an output channel.

    `learning_rate` is where that of Adam starts, before it falls to zero; None is 0.006, or 0.03 with `activations`.
    The teacher is the model itself, as it was given, unless another is named.
    """

    mode: Annotated[Mode, Field(description="Values of a weight: a sign, or a sign or zero, times a scale.")] = "binary"
    activations: Annotated[
        bool,
        Field(description="Signs in place of the activations between such layers, too."),
        Option(flag="--activations/--weights-only"),
    ] = False
    post_training: Annotated[
        bool,
        Field(description="Round by the calibration split, without training."),
        Option(flag="--post-training"),
    ] = False
    keep_first_last: Annotated[
        bool,
        Field(description="Keep the first and the last kernel at 8 bits."),
        Option(flag="--keep-first-last/--all-layers"),
    ] = True
    exclude: Exclude = None
    plain: Annotated[
        bool,
        Field(description="Write an ordinary .keras file, for people without tfopt; it is larger."),
        Option(flag="--plain"),
    ] = False
    epochs: Annotated[
        Count | None, Field(description=f"Epochs to train ({EPOCHS}, or {EPOCHS_WITH_SIGNS} with `activations`).")
    ] = None
    batch_size: Annotated[Count | None, Field(description=f"Samples a step ({SAMPLES_A_STEP}).")] = None
    learning_rate: Annotated[
        LearningRate | None,
        Field(
            description=f"Learning rate of Adam at the start ({RATE:g}, or {RATE_WITH_SIGNS:g} with `activations`); it"
            " falls to zero."
        ),
    ] = None
    seed: Seed = 0

    @property
    def samples_a_step(self) -> int:
        """Samples of a training step."""
        return self.batch_size or SAMPLES_A_STEP

    @property
    def rate(self) -> float:
        """The learning rate to start with."""
        return self.learning_rate or (RATE_WITH_SIGNS if self.activations else RATE)

    @property
    def most_epochs(self) -> int:
        """Epochs to train."""
        return self.epochs or (EPOCHS_WITH_SIGNS if self.activations else EPOCHS)

    @model_validator(mode="after")
    def _rounding_is_no_training(self) -> Self:
        if self.post_training and self.activations:
            raise ValueError("`activations` must be trained; it excludes `post_training`")
        if self.post_training and (self.epochs or self.batch_size or self.learning_rate):
            raise ValueError("`post_training` does not train: leave out `epochs`, `batch_size` and `learning_rate`")
        if self.post_training and (self.teacher != "self" or self.teacher_weight is not None):
            raise ValueError("`post_training` does not train: leave out `teacher` and `teacher_weight`")
        if self.post_training and self.distributed:
            raise ValueError("`post_training` does not train: leave out `distributed`")
        return self
