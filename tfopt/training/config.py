"""The settings of a training: what is asked of a new model, and how the run is kept on disk."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Decay
from tfopt.config.fields import (
    AdamRate,
    Config,
    Count,
    Option,
    Rate,
    Seed,
    SuitedBatchSize,
    SuitedEpochs,
    SuitedPatience,
)  # fmt: skip
from tfopt.config.fine_tuning import Augmentations, DistributedConfig
from tfopt.config.metric import MetricConfig
from tfopt.models.config import ModelConfig

Strength = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False), Option("X")]
TRAINING = Option(panel="Training")
TRANSFER = "Start from another model"


class TrainConfig(ModelConfig, DistributedConfig, MetricConfig):
    """The settings of a training of a new model.

    Of `epochs`, `batch_size` and `patience` None is what suits the number of samples (see `tfopt.training.defaults`).
    `learning_rate` is where the optimizer starts, after a rise over the first `warmup` share of all steps; `decay` is
    how the rate falls then. `weight_decay` is decoupled (AdamW), `l1` and `l2` are penalties of the kernels in the
    loss. `class_weights` weighs each class by the inverse of its frequency. `jit` compiles steps with XLA.
    `scale_lr` multiplies the learning rate by the number of replicas (Goyal et al. 2017, arXiv:1706.02677).

    With `base`, a file or keras.applications:NAME with the weights in `base_weights`, its head is replaced and trained
    while the layers that `freeze` names keep their weights, and then for at most `fine_tune` epochs everything.
    """

    epochs: SuitedEpochs = None
    batch_size: SuitedBatchSize = None
    learning_rate: AdamRate = 1e-3
    decay: Annotated[Decay, Field(description="How the learning rate falls over all epochs."), TRAINING] = "constant"
    warmup: Annotated[Rate, Field(description="Share of all steps in which the learning rate rises."), TRAINING] = 0.0
    patience: SuitedPatience = None
    augment: Annotated[
        Augmentations,
        Field(
            description="Change samples a little each epoch: flip, crop, rotate, noise, mixup. Nothing is done unasked;"
            " do not flip digits."
        ),
        TRAINING,
    ] = ()
    l1: Annotated[Strength, Field(description="Penalty of the size of weights."), TRAINING] = 0.0
    l2: Annotated[Strength, Field(description="Penalty of the squares of weights."), TRAINING] = 0.0
    weight_decay: Annotated[Strength, Field(description="Decoupled weight decay (AdamW)."), TRAINING] = 0.0
    label_smoothing: Annotated[Rate, Field(description="Share of each label given to all classes."), TRAINING] = 0.0
    class_weights: Annotated[bool, Field(description="Let rare classes count as much as frequent ones."), TRAINING] = (
        False
    )
    clip_norm: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(description="Scale gradients down to this global norm."),
        Option("NORM", panel="Training"),
    ] = None
    mixed_precision: Annotated[
        bool,
        Field(description="Compute in bfloat16 while training; the model that is written is float32."),
        Option(flag="--mixed-precision/--float32", panel="Training"),
    ] = False
    jit: Annotated[
        bool,
        Field(description="Compile steps with XLA: slow to start, pays on some processors in long runs."),
        TRAINING,
    ] = False
    base: Annotated[
        str | None,
        Field(
            description="Take this model without its head, train a new head at ten times `learning_rate`, then"
            " everything at it."
        ),
        Option("MODEL|keras.applications:NAME", "--from", panel=TRANSFER),
    ] = None
    base_weights: Annotated[
        str | None,
        Field(description="Weights for keras.applications:NAME, or none; left out: ImageNet's, downloaded."),
        Option("FILE", "--from-weights", panel=TRANSFER),
    ] = None
    freeze: Annotated[
        str,
        Field(
            description="Layers that keep their weights while the head is trained: the first N, those whose name"
            " matches, or all."
        ),
        Option("N|REGEX|all", panel=TRANSFER),
    ] = "all"
    fine_tune: Annotated[
        Annotated[int, Field(ge=0)] | None,
        Field(
            description="Most epochs for the second part, in which everything is trained; 0: none; left out: as"
            " `epochs`."
        ),
        Option("N", panel=TRANSFER),
    ] = None
    scale_lr: Annotated[
        bool,
        Field(description="Multiply `learning_rate` by the number of replicas, as for a `batch_size` raised as much."),
        Option(flag="--scale-lr/--keep-lr", panel=DistributedConfig.panel),
    ] = False
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.decay == "plateau" and self.warmup:
            raise ValueError("`decay` plateau lowers a rate that it knows; leave out `warmup`")
        if self.class_weights and "mixup" in self.augment:
            raise ValueError("`class_weights` weighs samples of one class; leave out `augment` mixup")
        if self.jit and self.distributed:
            raise ValueError("`jit` is not there with `distributed`: Keras does not compile steps of several replicas")
        if self.base and self.mixed_precision:
            raise ValueError("`mixed_precision` is for new models; leave it out with `base`")
        if not self.base and (self.base_weights or self.freeze != "all" or self.fine_tune is not None):
            raise ValueError("`base_weights`, `freeze` and `fine_tune` are about the model that `base` names")
        if self.base_weights == "none" and self.freeze != "all":
            raise ValueError(f"`freeze` {self.freeze} keeps weights, and `base_weights` none are random: leave it out")
        if self.base and any(getattr(self, name) != field.default for name, field in ModelConfig.model_fields.items()):
            raise ValueError("`base` takes the architecture of that model: leave out `arch`, `size` and the like")
        return self


class CheckpointConfig(Config):
    """The settings of a run: whether one that was stopped goes on, and what it writes while it lasts."""

    panel: ClassVar[str] = "Run and output"

    resume: Annotated[bool, Field(description="Go on with a run that was stopped, if there is one.")] = False
    checkpoint_steps: Annotated[
        Count | None, Field(description="Write a checkpoint every N steps, too; left out: after each epoch.")
    ] = None
    tensorboard: Annotated[Path | None, Field(description="Write TensorBoard logs there."), Option("DIR")] = None
