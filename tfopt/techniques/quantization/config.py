"""How to quantize after training."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from tfopt.config.choices import Algorithm, InterfaceType, Precision, WeightType
from tfopt.config.fields import Count, Seed, Share
from tfopt.conversion.config import ConvertConfig


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
