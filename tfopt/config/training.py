"""Which model to build and how to train it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.choices import Arch, Augmentation, Cell, Decay, Parts, Size
from tfopt.config.distribution import DistributedConfig
from tfopt.config.fields import Config, Count, LearningRate, Seed

Strength = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class ModelConfig(Config):
    """Which model to build: an architecture and a size, and options that override what the size says.

    `arch` None is what suits the data. `width` and `depth` count what they do in each builder. `residual`, and how many
    `blocks` of each width there are in such a net, are for cnn, `cell` and `bidirectional` for rnn and hybrid, `parts`
    (what follows the convolutions) for hybrid, `heads` for everything with attention.
    """

    arch: Arch | None = None
    size: Size = "small"
    width: Count | None = None
    depth: Count | None = None
    dropout: Rate | None = None
    residual: bool = False
    blocks: Count = 1
    cell: Cell = "lstm"
    bidirectional: bool = False
    parts: Parts = "rnn"
    heads: Count | None = None

    @model_validator(mode="after")
    def _blocks_are_residual(self) -> Self:
        if self.blocks > 1 and not self.residual:
            raise ValueError(f"--blocks {self.blocks} needs --residual")
        return self


class BuildConfig(ModelConfig):
    """Which model to build, and the seed of its first weights."""

    seed: Seed = 0


class TrainConfig(ModelConfig, DistributedConfig):
    """How to train a new model.

    `learning_rate` is where the optimizer starts, after a rise over the first `warmup` share of all steps; `decay` is
    how the rate falls then. `weight_decay` is decoupled (AdamW), `l1` and `l2` are penalties of the kernels in the
    loss. `class_weights` weighs each class by the inverse of its frequency. `jit` compiles steps with XLA.
    `scale_lr` multiplies the learning rate by the number of replicas (Goyal et al. 2017, arXiv:1706.02677).

    With `base`, a file or keras.applications:NAME with the weights in `base_weights`, its head is replaced and trained
    while the layers that `freeze` names keep their weights, and then for at most `fine_tune` epochs everything.
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
    jit: bool = False
    base: str | None = None
    base_weights: str | None = None
    freeze: str = "all"
    fine_tune: Annotated[int, Field(ge=0)] | None = None
    scale_lr: bool = False
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.decay == "plateau" and self.warmup:
            raise ValueError("--decay plateau lowers a rate that it knows; leave out --warmup")
        if self.class_weights and "mixup" in self.augment:
            raise ValueError("--class-weights weighs samples of one class; leave out --augment mixup")
        if self.jit and self.distributed:
            raise ValueError("--jit is not there with --distributed: Keras does not compile steps of several replicas")
        if self.base and self.mixed_precision:
            raise ValueError("--mixed-precision is for new models; leave it out with --from")
        if not self.base and (self.base_weights or self.freeze != "all" or self.fine_tune is not None):
            raise ValueError("--from-weights, --freeze and --fine-tune are about the model that --from names")
        if self.base and any(getattr(self, name) != field.default for name, field in ModelConfig.model_fields.items()):
            raise ValueError("--from takes the architecture of that model: leave out --arch, --size and the like")
        return self
