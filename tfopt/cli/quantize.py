"""`tfopt quantize`: a Keras model becomes a LiteRT file with small numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfopt.artifacts.paths import existing, newest_of_ours
from tfopt.artifacts.writing import Destination
from tfopt.choices import InterfaceType
from tfopt.cli import options
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.errors import InputError

if TYPE_CHECKING:
    from tfopt.choices import Precision
    from tfopt.config import QatConfig, QuantizeConfig

EXAMPLES = """Examples:

  tfopt quantize --int8

  tfopt quantize model.keras --int8 --io int8 -o firmware.tflite

  tfopt quantize model.keras --float16

  tfopt quantize model-pruned.keras --qat --epochs 3"""


def quantize(
    model: options.OptionalModel = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Integer weights (per-channel) and activations, calibrated; the default.")
    ] = False,
    float16: Annotated[bool, typer.Option("--float16", help="Weights in half precision.")] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="8-bit weights; activations in float.")] = False,
    qat: Annotated[
        bool, typer.Option("--qat", help="Train for int8 first (quantization-aware); writes a .keras file as well.")
    ] = False,
    io: Annotated[
        InterfaceType, typer.Option("--io", help="Type of the inputs and outputs of an int8 file.")
    ] = "float",
    bits: options.QatBits = None,
    epochs: options.QatEpochs = None,
    batch_size: options.QatBatchSize = None,
    learning_rate: options.QatLearningRate = None,
    seed: options.QatSeed = None,
    keep_sparsity: options.KeepSparsity = None,
    keep_clusters: options.KeepClusters = None,
    data: options.Data = None,
    scale: options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Convert a model to LiteRT with 8-bit or 16-bit numbers, and run it before reporting."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        training = {
            "bits": bits,
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "keep_sparsity": keep_sparsity,
            "keep_clusters": keep_clusters,
        }
        config = _config(_precision(int8=int8, float16=float16, dynamic=dynamic), io, qat, training)
        source = options.data_config(data, scale)
        path = existing(model) if model else newest_of_ours(Path())
        if model is None:
            out.say(f"quantizing {path}, the newest Keras model here that tfopt wrote")
        ending = "qat" if qat else _precision(int8=int8, float16=float16, dynamic=dynamic)
        destination = Destination(
            output or Path(f"{path.stem}-{ending}.tflite"),
            suffix=".tflite",
            force=force,
            inputs=[path],
            beside=".keras" if qat else "",
        )
        name = destination.path.name
        make(out, destination, lambda w: w.quantize(path, config, source, name=name, progress=out), custom_objects)


def _config(
    precision: "Precision", io: InterfaceType, qat: bool, training: dict[str, Any]
) -> "QuantizeConfig | QatConfig":
    from tfopt.config import QatConfig, QuantizeConfig

    given = {name: value for name, value in training.items() if value is not None}
    if not qat:
        if given:
            raise InputError(
                f"--{next(iter(given)).replace('_', '-')} needs --qat, which trains; --{precision} does not"
            )
        return QuantizeConfig(precision=precision, io=io)
    if precision != "int8":
        raise InputError(f"--qat trains for int8; it excludes --{precision}")
    return QatConfig(io=io, **given)


def _precision(**flags: bool) -> "Precision":
    chosen = [name for name, given in flags.items() if given]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(f'--{name}' for name in chosen)} exclude each other; choose one")
    return chosen[0] if chosen else "int8"  # type: ignore[return-value]
