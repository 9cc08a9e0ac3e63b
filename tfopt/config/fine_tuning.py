"""What the configs that train have in common: on how many devices, and with which teacher."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tfopt.config.fields import Config, Count, Share


class DistributedConfig(Config):
    """Base of the configs that train: `distributed` is on every visible GPU or the CPU, or on `replicas` of them."""

    distributed: bool = False
    replicas: Count | None = None

    @model_validator(mode="after")
    def _replicas_need_distributed(self) -> Self:
        if self.replicas is None:
            return self
        if not self.distributed:
            raise ValueError("--replicas needs --distributed")
        batch: int | None = getattr(self, "batch_size", None)
        if batch is not None and batch < self.replicas:
            raise ValueError(f"--batch-size {batch} is global and must give each of {self.replicas} replicas a sample")
        return self


class TaughtConfig(DistributedConfig):
    """Base of the configs that fine-tune: `teacher` is the model itself, as it was given, another file, or nobody.

    Of what is learnt, `teacher_weight` are the teacher's answers and the rest the labels; None is `usual_weight`.
    """

    teacher: Path | Literal["self"] | None = None
    teacher_weight: Share | None = None
    usual_weight: ClassVar[float] = 0.5

    @property
    def answers_share(self) -> float:
        """Share of the teacher's answers in what is learnt."""
        return self.usual_weight if self.teacher_weight is None else self.teacher_weight

    @model_validator(mode="after")
    def _weight_needs_a_teacher(self) -> Self:
        if self.teacher is None and self.teacher_weight is not None:
            raise ValueError(f"--teacher-weight {self.teacher_weight:g} needs --teacher")
        return self
