"""Options of quantization after training."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ByteSize, Field, model_validator

from tfopt.config.choices import Algorithm, Precision, WeightType
from tfopt.config.fields import Count, Drop, Growth, Option, Seed
from tfopt.conversion.config import InterfaceConfig
from tfopt.evaluation.config import AnswerLimits

PRECISIONS = {
    "int8": "Integer weights (per-channel) and activations, calibrated; the default.",
    "int16": "16-bit activations, calibrated, with 8-bit weights (16x8).",
    "float16": "Weights in half precision.",
    "dynamic": "8-bit weights; activations become integers as they come, without data.",
}


class QuantizeConfig(InterfaceConfig, AnswerLimits):
    """Options of quantization after training.

    `precision` says how activations are computed: int8 and int16 with fixed, calibrated ranges, `dynamic` as integers
    scaled anew in each inference, `weights` and float16 in float; `weights` is how weights are stored, one scale for
    each output channel, or for each `block` of input weights of a dense layer. With `bits_budget` or `max_size` each
    layer has 8, 4 or 2 bits, by what they cost at the output of the model. `calibration` is how many samples of the
    data set to calibrate on, or a file or a folder of images or sounds.
    """

    precision: Annotated[Precision, Field(description="How activations are computed."), Option(flags=PRECISIONS)] = (
        "int8"
    )
    weights: Annotated[
        WeightType,
        Field(
            description="How weights are stored: alone, they are unpacked to compute in float; with `precision` int8,"
            " int16 or dynamic, what those compute with; with `qat` what is trained for. Of int3, 8 values are used and"
            " 4 bits stored."
        ),
    ] = "int8"
    block: Annotated[
        Literal[32, 64, 128, 256] | None,
        Field(
            description="With `precision` dynamic and `weights` int4 or int2: a scale for so many input weights of a"
            " dense layer."
        ),
        Option("32|64|128|256"),
    ] = None
    algorithm: Annotated[
        Algorithm,
        Field(
            description="How weights are rounded. sequential: fewer than 8 bits by what a layer is fed, so that each"
            " weight makes up for others; auto: so where there are samples, else minmax. The others are LiteRT"
            " Quantizer's; its gptq knows dense layers only."
        ),
    ] = "auto"
    keep_first_last: Annotated[
        bool,
        Field(
            description="With `algorithm` sequential: keep the first and the last kernel at 8 bits where that costs"
            " less than 5 % of the bytes."
        ),
        Option(flag="--keep-first-last/--all-layers"),
    ] = True
    bits_budget: Annotated[
        float | None,
        Field(
            gt=0,
            le=8,
            allow_inf_nan=False,
            description="Choose 8, 4 or 2 bits for each layer by the errors they cause, so that a weight has no more on"
            " average: 3.2.",
        ),
        Option("BITS"),
    ] = None
    max_size: Annotated[
        ByteSize | None,
        Field(description="The same, so that the file is no larger: 40kB. Fail if that cannot be."),
        Option("SIZE"),
    ] = None
    calibration: Annotated[
        Count | Path | None,
        Field(
            description="Calibrate on N samples of the data, on arrays in an .npz or .npy file, as the model is fed, or"
            " on a folder of images or .wav files; left out: the calibration split."
        ),
        Option("N|FILE|DIR", panel="Data"),
    ] = None
    max_drop: Annotated[
        Drop | None,
        Field(
            description="Keep the worst layers in float until accuracy falls by no more: 0.5% or 0.005 is half a point."
            " Left out: no layer is kept, and to lose more than 5 points is a failure."
        ),
    ] = None
    max_error_growth: Annotated[
        Growth | None,
        Field(
            description="The same for the mean absolute error of a regression or forecast, as a share of itself: 10% or"
            " 0.1. Left out: more than 10% is a failure."
        ),
    ] = None
    full_integer: Annotated[
        bool,
        Field(description="Fail if an operation of an int8 or int16 file computes in floats."),
        Option(flag="--full-integer"),
    ] = False
    seed: Annotated[Seed, Option(offered=False)] = 0

    @property
    def static(self) -> bool:
        """Say whether the ranges of activations are fixed, so that they must be calibrated."""
        return self.precision in ("int8", "int16")

    @property
    def calibrated(self) -> bool:
        """Say whether there must be samples: for the ranges, or because weights are rounded by what a layer is fed."""
        return self.static or self.budgeted or self.algorithm in ("gptq", "sequential")

    @property
    def budgeted(self) -> bool:
        """Say whether each layer has the bits that it is worth within a budget."""
        return self.bits_budget is not None or self.max_size is not None

    @property
    def few(self) -> bool:
        """Say whether any weights may have fewer than 8 bits."""
        return self.weights != "int8" or self.budgeted

    @property
    def rounds(self) -> bool:
        """Say whether weights are rounded by what a layer is fed, where there are samples."""
        few = self.few and self.block is None
        return few and self.precision != "float16" and self.algorithm in ("auto", "sequential")

    @property
    def name(self) -> str:
        """Return the name of the form, as in that of the file: int8, dynamic, weights-int4."""
        if self.budgeted:
            return f"{self.precision}-mixed"
        parts = [self.precision, *([self.weights] if self.weights != "int8" or self.precision == "weights" else [])]
        return "-".join(parts)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for wrong, sentence in self._mistakes():
            if wrong:
                raise ValueError(sentence)
        return self

    def _mistakes(self) -> list[tuple[object, str]]:
        """Pair what does not go together with what to say about it."""
        precision, weights, algorithm = self.precision, self.weights, self.algorithm
        plain = algorithm in ("auto", "minmax")
        return [
            (
                self.io != "float" and precision != "int8",
                f"`io` {self.io} needs `precision` int8: a {precision} model has float inputs and outputs",
            ),
            (
                precision == "float16" and (weights != "int8" or self.block or not plain),
                "`precision` float16 stores weights in half precision: no `weights`, `block` or `algorithm`",
            ),
            (
                self.full_integer and not self.static,
                f"`full_integer` needs `precision` int8 or int16: {self.name} computes in floats",
            ),
            (
                self.budgeted and (weights != "int8" or self.block or algorithm not in ("auto", "sequential")),
                "`bits_budget` and `max_size` choose the bits of each layer and round it: no `weights`, `block` or"
                " `algorithm`",
            ),
            (
                self.bits_budget is not None and self.max_size is not None,
                "`bits_budget` and `max_size` are two budgets: give one of them",
            ),
            (
                self.budgeted and precision == "float16",
                "`precision` float16 stores weights in half precision: no `bits_budget` or `max_size`",
            ),
            (
                algorithm == "sequential" and not self.few,
                "`algorithm` sequential is for `weights` int4, int3 and int2: 8 bits lose next to nothing",
            ),
            (
                weights == "int3" and (self.block or algorithm not in ("auto", "sequential")),
                "`weights` int3 are 8 of the 16 values of 4 bits, which `algorithm` sequential alone can choose",
            ),
            (
                not self.keep_first_last and (self.budgeted or not self.rounds),
                "`keep_first_last` False is for `weights` int4, int3 and int2 with `algorithm` sequential: otherwise no"
                " layer is kept",
            ),
            (
                self.static and algorithm == "gptq",
                "`algorithm` gptq is for `precision` dynamic and `weights`: with fixed ranges LiteRT Quantizer 0.11"
                " writes files that answer wrongly",
            ),
            (
                self.block and (precision != "dynamic" or weights == "int8"),
                f"`block` {self.block} needs `precision` dynamic with `weights` int4 or int2: LiteRT has no other",
            ),
            (
                self.block and algorithm not in ("auto", "minmax", "gptq"),
                f"`algorithm` {algorithm} chooses one scale a channel, not one a block",
            ),
            (
                precision == "weights" and weights == "int2" and algorithm in ("mse", "octav", "gptq"),
                f"`algorithm` {algorithm} is not there for `weights` int2",
            ),
        ]
