"""One config for each technique that changes a model, and the limits its result is held to."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ByteSize, Field, model_validator

from tfopt.choices import (
    Algorithm,
    Engine,
    Grain,
    Initialization,
    InterfaceType,
    Mode,
    Precision,
    Schedule,
    Scope,
    Sparse,
    WeightType,
)
from tfopt.config.fields import Config, Count, Fraction, LearningRate, Seed, Share
from tfopt.config.teaching import TaughtConfig


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


class ClusterConfig(TaughtConfig):
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


class BinarizeConfig(TaughtConfig):
    """How to binarize: weights become a sign, or with mode ternary a sign or zero, times a scale an output channel.

    `learning_rate` is where that of Adam starts, before it falls to zero; None is 0.006, or 0.01 with `activations`.
    The teacher is the model itself, as it was given, unless another is named.
    """

    teacher: Path | Literal["self"] = "self"
    usual_weight: ClassVar[float] = 0.9
    mode: Mode = "binary"
    activations: bool = False
    post_training: bool = False
    keep_first_last: bool = True
    exclude: str | None = None
    plain: bool = False
    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: LearningRate | None = None
    seed: Seed = 0

    @property
    def samples_a_step(self) -> int:
        """Samples of a training step."""
        return self.batch_size or 64

    @property
    def rate(self) -> float:
        """The learning rate to start with; signs of activations hide so much of the gradient that they need more."""
        return self.learning_rate or (1e-2 if self.activations else 6e-3)

    @property
    def most_epochs(self) -> int:
        """Epochs to train."""
        return self.epochs or (40 if self.activations else 20)

    @model_validator(mode="after")
    def _rounding_is_no_training(self) -> Self:
        if self.post_training and self.activations:
            raise ValueError("--activations must be trained; it excludes --post-training")
        if self.post_training and (self.epochs or self.batch_size or self.learning_rate):
            raise ValueError("--post-training does not train: leave out --epochs, --batch-size and --learning-rate")
        if self.post_training and (self.teacher != "self" or self.teacher_weight is not None):
            raise ValueError("--post-training does not train: leave out --teacher and --teacher-weight")
        if self.post_training and self.distributed:
            raise ValueError("--post-training does not train: leave out --distributed")
        return self


class ConvertConfig(Config):
    """Which sizes a `.tflite` file fixes: that of the batch, and whatever else is free, as the length of a sequence."""

    batch: Count | None = None
    length: Count | None = None


class FloatConfig(ConvertConfig):
    """How a float `.tflite` file stores zeros: as such, or left out (`sparse`); auto takes what is smaller."""

    sparse: Sparse = "auto"


class QuantizeConfig(ConvertConfig):
    """How to quantize after training.

    `precision` says how activations are computed: int8 and int16 with fixed, calibrated ranges, `dynamic` as integers
    scaled anew in each inference, `weights` and float16 in float; `weights` is how weights are stored, one scale for
    each output channel, or for each `block` of input weights of a dense layer. `calibration` is how many samples of the
    data set to calibrate on, or a file or a folder of images.
    """

    precision: Precision = "int8"
    weights: WeightType = "int8"
    block: Literal[32, 64, 128, 256] | None = None
    algorithm: Algorithm = "minmax"
    io: InterfaceType = "float"
    calibration: Count | Path | None = None
    max_drop: Share | None = None
    seed: Seed = 0

    @property
    def static(self) -> bool:
        """Whether the ranges of activations are fixed, so that they must be calibrated."""
        return self.precision in ("int8", "int16")

    @property
    def calibrated(self) -> bool:
        """Whether it looks at samples: for the ranges, or because GPTQ rounds by what a layer is fed."""
        return self.static or self.algorithm == "gptq"

    @property
    def name(self) -> str:
        """What to call it, as in the name of the file: int8, dynamic, weights-int4."""
        parts = [self.precision, *([self.weights] if self.weights != "int8" or self.precision == "weights" else [])]
        return "-".join(parts)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.io != "float" and self.precision != "int8":
            raise ValueError(f"--io {self.io} needs --int8: a {self.precision} model has float inputs and outputs")
        if self.precision == "float16" and (self.weights != "int8" or self.block or self.algorithm != "minmax"):
            raise ValueError("--float16 stores weights in half precision: no --weights, --block or --algorithm")
        if self.static and self.weights == "int2":
            raise ValueError(f"--{self.precision} computes in integers, for which LiteRT has no 2-bit weights: use"
                " --weights int4, or --weights int2 with --dynamic or alone")  # fmt: skip
        if self.static and self.algorithm == "gptq":
            raise ValueError("--algorithm gptq is for --dynamic and --weights: with fixed ranges LiteRT Quantizer 0.11"
                " writes files that answer wrongly")  # fmt: skip
        if self.block and (self.precision != "dynamic" or self.weights == "int8"):
            raise ValueError(f"--block {self.block} needs --dynamic with --weights int4 or int2: LiteRT has no other")
        if self.block and self.algorithm not in ("minmax", "gptq"):
            raise ValueError(f"--algorithm {self.algorithm} chooses one scale a channel, not one a block")
        if self.precision == "weights" and self.weights == "int2" and self.algorithm != "minmax":
            raise ValueError(f"--algorithm {self.algorithm} is not there for --weights int2")
        return self


class QatConfig(TaughtConfig):
    """How to train a model that will be quantized: activations to 8 bits, weights to `bits`."""

    bits: Literal[8, 4] = 8
    io: InterfaceType = "float"
    epochs: Count = 5
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-4
    seed: Seed = 0
    keep_sparsity: bool = True
    keep_clusters: bool = True
    name: ClassVar[str] = "qat"


class Gates(Config):
    """Limits that every file of a comparison must respect, but for the first, which is the baseline."""

    max_drop: Share | None = None
    max_size: ByteSize | None = None
