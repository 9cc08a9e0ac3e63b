"""Which model to build and how to train it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.choices import Arch, Augmentation, Cell, Decay, Parts, Size
from tfopt.config.fields import Config, Count, LearningRate, Seed

Strength = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class ModelConfig(Config):
    """Which model to build: an architecture and a size, and options that override what the size says.

    `arch` None is what suits the data. `width` and `depth` count what they do in each builder. `residual` is for cnn,
    `cell` and `bidirectional` for rnn and hybrid, `parts` (what follows the convolutions) for hybrid, `heads` for
    everything with attention.
    """

    arch: Arch | None = None
    size: Size = "small"
    width: Count | None = None
    depth: Count | None = None
    dropout: Rate | None = None
    residual: bool = False
    cell: Cell = "lstm"
    bidirectional: bool = False
    parts: Parts = "rnn"
    heads: Count | None = None


class TrainConfig(ModelConfig):
    """How to train a new model.

    `learning_rate` is where the optimizer starts, after a rise over the first `warmup` share of all steps; `decay` is
    how the rate falls then. `weight_decay` is decoupled (AdamW), `l1` and `l2` are penalties of the kernels in the
    loss. `class_weights` weighs each class by the inverse of its frequency. `jit` None is what is faster.
    """

    epochs: Count = 30
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-3
    decay: Decay = "constant"
    warmup: Rate = 0.0
    patience: Count = 10
    augment: tuple[Augmentation, ...] = ()
    l1: Strength = 0.0
    l2: Strength = 0.0
    weight_decay: Strength = 0.0
    label_smoothing: Rate = 0.0
    class_weights: bool = False
    clip_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    mixed_precision: bool = False
    jit: bool | None = None
    seed: Seed = 0
    distributed: bool = False
    replicas: Count | None = None

    @model_validator(mode="after")
    def _replicas_need_distributed(self) -> Self:
        if self.replicas is not None and not self.distributed:
            raise ValueError("--replicas needs --distributed")
        if self.replicas is not None and self.batch_size < self.replicas:
            raise ValueError(
                f"--batch-size {self.batch_size} is global and must give each of {self.replicas} replicas a sample"
            )
        return self
