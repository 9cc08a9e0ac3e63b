"""Options of the pruning of single weights."""

import re
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Engine, Schedule, Scope
from tfopt.config.fields import AdamRate, BatchSize, Epochs, Exclude, Fraction, Option, Seed
from tfopt.config.fine_tuning import TaughtConfig


class PruneConfig(TaughtConfig):
    """Options of pruning: `sparsity` is the fraction of each kernel (or of all kernels together) that becomes zero.

    `pattern` is N:M (N zeros in every M consecutive input weights, as TensorFlow Model Optimization has it; papers and
    hardware often count those that stay), keep:NofM (N of every M stay), or block:RxC (whole blocks go).
    """

    sparsity: Annotated[Fraction, Field(description="Share of the weights that become zero, above 0 and below 1.")] = (
        0.5
    )
    schedule: Annotated[
        Schedule,
        Field(
            description="Grow sparsity by the cubic schedule (cubic), hold it from the start, or prune once without"
            " training."
        ),
    ] = "cubic"
    scope: Annotated[
        Scope,
        Field(description="Prune every layer alike (layer, local), or what matters least in all of them (global)."),
    ] = "layer"
    pattern: Annotated[
        Annotated[str, Field(pattern=r"^([1-9]\d?:[1-9]\d?|keep:[1-9]\d?of[1-9]\d?|block:[1-9]\d?x[1-9]\d?)$")] | None,
        Field(
            description="N zeros in every M input weights, as in 2:4; so many kept, as in keep:1of4; or whole"
            " blocks, as in block:1x4."
        ),
        Option("N:M|keep:NofM|block:RxC"),
    ] = None
    engine: Annotated[
        Engine, Field(description="Prune with tfopt's masks (tfopt) or by TensorFlow Model Optimization.")
    ] = "tfopt"
    repair: Annotated[
        bool,
        Field(description="Fit the weights that stay anew, so that layers answer as before (one-shot, with data)."),
    ] = True
    exclude: Exclude = None
    epochs: Epochs = 20
    batch_size: BatchSize = 64
    learning_rate: AdamRate = 1e-3
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _pattern_says_the_sparsity(cls, given: Any) -> Any:
        share = _share_of(given.get("pattern")) if isinstance(given, dict) else None
        if share is None:
            return given
        if not 0 < share < 1:
            raise ValueError(f"`pattern` {given['pattern']} must leave some weights and set some to zero: N below M")
        return {"sparsity": share, **given}

    @model_validator(mode="after")
    def _sparsity_is_that_of_the_pattern(self) -> Self:
        share = _share_of(self.pattern)
        if share is not None and abs(self.sparsity - share) > 1e-9:
            raise ValueError(f"`pattern` {self.pattern} is a sparsity of {share:g}; leave out `sparsity`")
        return self

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.engine == "tfmot" and (self.scope == "global" or self.schedule == "one-shot"):
            raise ValueError("`engine` tfmot prunes each layer by itself, in training: no `scope` global, no one-shot")
        return self

    @model_validator(mode="after")
    def _training_is_repair(self) -> Self:
        if not self.repair and self.schedule != "one-shot":
            raise ValueError("`repair` is for `schedule` one-shot: the others are trained")
        return self

    @model_validator(mode="after")
    def _one_shot_is_no_training(self) -> Self:
        if self.schedule == "one-shot" and (self.teacher or self.distributed):
            raise ValueError("`schedule` one-shot does not train: leave out `teacher` and `distributed`")
        return self


def _share_of(pattern: object) -> float | None:
    """Return the sparsity that N:M or keep:NofM says."""
    match = re.fullmatch(r"(keep:)?(\d+)(?(1)of|:)(\d+)", str(pattern))
    if match is None:
        return None
    share = int(match[2]) / max(int(match[3]), 1)
    return 1 - share if match[1] else share
