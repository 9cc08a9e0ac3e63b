"""What was asked for: one validated, frozen config per technique, for the command line and for Python."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, model_validator

from tfopt.choices import Arch, Engine, Grain, Initialization, InterfaceType, Precision, Scale, Schedule, Scope

Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class Config(BaseModel):
    """Base of all configs: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Config):
    """Which data, fed how, and split how; everything needed to load the same splits again."""

    source: str = "digits"
    scale: Scale | None = None
    validation: Fraction = 0.15
    split_seed: Seed = 0

    @property
    def path(self) -> Path | None:
        """The file behind `source`, or None when it is the name of a known data set."""
        return Path(self.source) if self.source.endswith(".npz") else None


class TrainConfig(Config):
    """How to train a new model."""

    arch: Arch = "cnn"
    epochs: Count = 30
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-3
    patience: Count = 10
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


class PruneConfig(Config):
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


class ClusterConfig(Config):
    """How to cluster: each kernel (or each of its output channels) has at most `clusters` distinct values."""

    clusters: Annotated[int, Field(ge=2, le=256)] = 16
    init: Initialization = "kmeans++"
    per: Grain = "layer"
    keep_sparsity: bool = True
    exclude: str | None = None
    epochs: Count = 5
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-4
    seed: Seed = 0


class QuantizeConfig(Config):
    """How to quantize after training."""

    precision: Precision = "int8"
    io: InterfaceType = "float"
    seed: Seed = 0

    @model_validator(mode="after")
    def _integer_interface_needs_integers(self) -> Self:
        if self.io == "int8" and self.precision != "int8":
            raise ValueError(f"--io int8 needs --int8: a {self.precision} model has float inputs and outputs")
        return self


class QatConfig(Config):
    """How to train a model that will be quantized: activations to 8 bits, weights to `bits`."""

    bits: Literal[8, 4] = 8
    io: InterfaceType = "float"
    epochs: Count = 5
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-4
    seed: Seed = 0
    keep_sparsity: bool = True
    keep_clusters: bool = True


class Gates(Config):
    """Limits that every file of a comparison must respect, but for the first, which is the baseline."""

    max_drop: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    max_size: ByteSize | None = None
