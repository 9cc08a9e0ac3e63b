"""`tfopt quantize`: a Keras model becomes a LiteRT file with small numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfopt.artifacts.paths import existing, newest_of_ours
from tfopt.artifacts.writing import Destination
from tfopt.choices import InterfaceType
from tfopt.cli import options
from tfopt.cli.output import Output
from tfopt.errors import InputError

if TYPE_CHECKING:
    from tfopt.choices import Precision

EXAMPLES = """Examples:

  tfopt quantize --int8

  tfopt quantize model.keras --int8 --io int8 -o firmware.tflite

  tfopt quantize model.keras --float16"""


def quantize(
    model: options.OptionalModel = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Integer weights (per-channel) and activations, calibrated; the default.")
    ] = False,
    float16: Annotated[bool, typer.Option("--float16", help="Weights in half precision.")] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="8-bit weights; activations in float.")] = False,
    io: Annotated[
        InterfaceType, typer.Option("--io", help="Type of the inputs and outputs of an --int8 file.")
    ] = "float",
    data: options.Data = None,
    scale: options.ScaleOption = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Convert a model to LiteRT with 8-bit or 16-bit numbers, and run it before reporting."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.config import QuantizeConfig

        config = QuantizeConfig(precision=_precision(int8=int8, float16=float16, dynamic=dynamic), io=io)
        source = options.data_config(data, scale)
        path = existing(model) if model else newest_of_ours(Path())
        if model is None:
            out.say(f"quantizing {path}, the newest Keras model here that tfopt wrote")
        destination = Destination(
            output or Path(f"{path.stem}-{config.precision}.tflite"), suffix=".tflite", force=force, inputs=[path]
        )
        out.load_tensorflow()
        from tfopt import workflow

        result = workflow.quantize(path, config, source, name=destination.path.name, progress=out)
        report = destination.save(result.artifact.payload, result.report)
        out.report(report, written=destination.path)


def _precision(**flags: bool) -> "Precision":
    chosen = [name for name, given in flags.items() if given]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(f'--{name}' for name in chosen)} exclude each other; choose one")
    return chosen[0] if chosen else "int8"  # type: ignore[return-value]
