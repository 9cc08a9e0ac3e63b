"""`tfopt quantize`: a Keras model becomes a LiteRT file with small numbers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.cli.technique import make, techniques
from tfopt.config.fields import Config
from tfopt.conversion.c_array import C_SUFFIXES
from tfopt.conversion.config import for_c_array
from tfopt.data.config import OtherDataConfig
from tfopt.errors import InputError
from tfopt.formats.paths import newest_tfopt_model
from tfopt.targets.config import MadeForConfig
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.typing import Options

OptionalModel = Annotated[
    Path | None,
    typer.Argument(
        metavar="[MODEL]", help="A .keras file, or one of Keras 2; left out: the newest one here that tfopt wrote."
    ),
]
Emit = Annotated[
    Literal["c"] | None,
    typer.Option("--emit", help="Also write it as a C array, with all that a program for TensorFlow Lite Micro needs."),
]


def with_precision(config: type[Config], given: Options) -> Options:
    """Return the fields with the precision: `--weights` alone means weights only, and training is for int8."""
    precision = given.get("precision", "int8")
    if config is QatConfig and precision != "int8":
        raise InputError(f"`qat` trains for int8; it excludes `precision` {precision}")
    if config is QatConfig:
        return {name: value for name, value in given.items() if name != "precision"}
    weights_only = config is QuantizeConfig and "weights" in given and "precision" not in given
    return given | {"precision": "weights"} if weights_only else given


@command
def quantize(
    out: Output,
    config: Annotated[Config, techniques("quantize", "qat", adjust=with_precision)],
    data: OtherDataConfig,
    target: MadeForConfig,
    model: OptionalModel = None,
    emit: Emit = None,
) -> None:
    """Convert a model to LiteRT with 2-bit to 16-bit numbers, and run it before reporting; exit 1 if it collapsed.

    Examples:
        tfopt quantize --int8
        tfopt quantize model.keras --int8 --io int8 -o firmware.tflite
        tfopt quantize model.keras --int8 --for ethos-u55-128
        tfopt quantize model.keras --int8 --max-drop 0.5%
        tfopt quantize model.keras --dynamic --weights int4 --algorithm gptq
        tfopt quantize model.keras --float16
        tfopt quantize model-pruned.keras --qat --epochs 3
        tfopt quantize model.keras --qat --weights int4 --augment flip,crop -o small.tflite
    """
    if model is None:
        model = newest_tfopt_model(Path())
        out.say(f"quantizing {model}, the newest Keras model here that tfopt wrote")
    config = for_c_array(config) if emit else config
    make(out, config, model, data, target, companions=C_SUFFIXES if emit else ())
