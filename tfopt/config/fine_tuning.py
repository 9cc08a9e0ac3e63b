"""The options that all configs of fine-tuning have: on how many devices, and with which teacher."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tfopt.config.choices import Augmentation
from tfopt.config.fields import Config, Count, Option, Share
from tfopt.config.metric import MetricConfig

Augmentations = Annotated[
    tuple[Augmentation, ...], AfterValidator(lambda names: tuple(dict.fromkeys(names))), Option("NAME,...")
]
LEARN = "Learn from the answers of a model, too: of the given one as it was, or of another file."
USUAL_WEIGHT = 0.5
TEACHER = Option("self|FILE", model=True)


class DistributedConfig(Config):
    """Base of the configs that train: `distributed` is on every visible GPU or the CPU, or on `replicas` of them."""

    panel: ClassVar[str] = "On several devices"

    distributed: Annotated[
        bool,
        Field(
            description="Train on every visible GPU, or on the CPU if there is none; `batch_size` is shared among them."
        ),
    ] = False
    replicas: Annotated[
        Count | None, Field(description="Use N GPUs, or N logical devices of the CPU to try it out.")
    ] = None

    @model_validator(mode="after")
    def _replicas_need_distributed(self) -> Self:
        if self.replicas is None:
            return self
        if not self.distributed:
            raise ValueError("`replicas` needs `distributed`")
        batch: Any = getattr(self, "batch_size", None)
        if batch is not None and batch < self.replicas:
            raise ValueError(f"`batch_size` {batch} is global and must give each of {self.replicas} replicas a sample")
        return self


class ControlledConfig(DistributedConfig, MetricConfig):
    """Base of the configs that change a model and train it: `control` shows what training alone does."""

    panel: ClassVar[str] = "Comparison"

    control: Annotated[
        bool,
        Field(description="Also train the original as long without the technique, and compare with that, too."),
        Option(flag="--control"),
    ] = False


class TaughtConfig(ControlledConfig):
    """Base of the configs that fine-tune: `teacher` is the model itself, as it was given, another file, or nobody.

    Of what is learnt, `teacher_weight` are the teacher's answers and the rest the labels; None is a half.
    """

    teacher: Annotated[Path | Literal["self"] | None, Field(description=LEARN), TEACHER] = None
    teacher_weight: Annotated[
        Share | None, Field(description=f"Share of the teacher's answers in what is learnt ({USUAL_WEIGHT:g}).")
    ] = None

    @property
    def answers_share(self) -> float:
        """Share of the teacher's answers in what is learnt."""
        return USUAL_WEIGHT if self.teacher_weight is None else self.teacher_weight

    @model_validator(mode="after")
    def _weight_needs_a_teacher(self) -> Self:
        if self.teacher is None and self.teacher_weight is not None:
            raise ValueError(f"`teacher_weight` {self.teacher_weight:g} needs `teacher`")
        return self


class SelfTaughtConfig(TaughtConfig):
    """Base of the configs that round while they train: without another file the model as it was given teaches."""

    teacher: Annotated[
        Path | Literal["self"],
        Field(description="Learn from the answers of another file than the given model."),
        TEACHER,
    ] = "self"
