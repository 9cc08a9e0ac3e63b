"""What to prune of single weights, and how."""

import re
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Engine, Schedule, Scope
from tfopt.config.fields import Count, Fraction, LearningRate, Seed
from tfopt.config.fine_tuning import TaughtConfig


class PruneConfig(TaughtConfig):
    """How to prune: `sparsity` is the fraction of each kernel (or of all kernels together) that becomes zero.

    `pattern` is N:M (N zeros in every M consecutive input weights) or block:RxC (whole blocks go).
    """

    sparsity: Fraction = 0.5
    schedule: Schedule = "cubic"
    scope: Scope = "layer"
    pattern: Annotated[str, Field(pattern=r"^([1-9]\d?:[1-9]\d?|block:[1-9]\d?x[1-9]\d?)$")] | None = None
    engine: Engine = "tfopt"
    exclude: str | None = None
    epochs: Count = 20
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-3
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _pattern_says_the_sparsity(cls, given: Any) -> Any:
        match = re.fullmatch(r"(\d+):(\d+)", str(given.get("pattern")))
        if not match:
            return given
        zeros, group = map(int, match.groups())
        if not 0 < zeros < group:
            raise ValueError(f"--pattern {zeros}:{group} must leave some weights: N zeros in every M, N below M")
        if abs(given.get("sparsity", zeros / group) - zeros / group) > 1e-9:
            raise ValueError(f"--pattern {zeros}:{group} is a sparsity of {zeros / group:g}; leave out --sparsity")
        return {**given, "sparsity": zeros / group}

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.engine == "tfmot" and (self.scope == "global" or self.schedule == "one-shot"):
            raise ValueError("--engine tfmot prunes each layer by itself, in training: no --scope global, no one-shot")
        return self

    @model_validator(mode="after")
    def _one_shot_is_no_training(self) -> Self:
        if self.schedule == "one-shot" and (self.teacher or self.distributed):
            raise ValueError("--schedule one-shot does not train: leave out --teacher and --distributed")
        return self
