"""How to train a new model."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Augmentation, Decay
from tfopt.config.fields import Count, LearningRate, Seed
from tfopt.config.fine_tuning import DistributedConfig
from tfopt.models.config import ModelConfig, Rate

Strength = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


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
