"""Fine-tuning with a teacher: what a technique learns from, beside the labels."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tfopt.config.distribution import DistributedConfig
from tfopt.config.fields import Share


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
