"""`tfopt convert`: a Keras model becomes a float LiteRT file, or one of Keras 2 a file of Keras 3."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli import data_options, options
from tfopt.cli.making import make
from tfopt.cli.output import Output
from tfopt.config.choices import Sparse
from tfopt.core.destination import Destination
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt convert model.keras

  tfopt convert model.keras -o baseline.tflite

  tfopt convert old.h5 new.keras"""

SPARSIFY_EXAMPLES = """Examples:

  tfopt prune model.keras --sparsity 0.8

  tfopt sparsify model-pruned.keras"""


def convert(
    model: options.ModelArgument,
    target: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="File to write, .tflite or .keras; like -o.", show_default=False),
    ] = None,
    sparse: Annotated[
        Sparse,
        typer.Option("--sparse", help="Leave the zeros of a pruned model out of the .tflite file: auto if it pays."),
    ] = "auto",
    batch: options.Batch = None,
    length: options.Length = None,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Convert a model to LiteRT in float32, the baseline of quantized files, or a file of Keras 2 to Keras 3."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.conversion.config import FloatConfig

        source = data_options.data_config(data, scale)
        config = FloatConfig.model_validate({"batch": batch, "length": length, "sparse": sparse})
        path = check_model_path(model)
        if target and output:
            raise InputError(f"{target} and -o {output}: there is one output; give one of them")
        where = target or output or Path(f"{path.stem}.tflite")
        suffix = ".keras" if where.suffix == ".keras" else ".tflite"
        destination = Destination(where, suffix=suffix, force=force, inputs=[path])
        name, to = destination.path.name, suffix.removeprefix(".")
        make(
            out, destination, lambda w: w.convert(path, config, source, to=to, name=name, progress=out), custom_objects
        )


def sparsify(
    model: options.ModelArgument,
    batch: options.Batch = None,
    length: options.Length = None,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Convert a pruned model to a float LiteRT file without its zeros; refuse if that is not smaller."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.conversion.config import FloatConfig

        source = data_options.data_config(data, scale)
        config = FloatConfig.model_validate({"batch": batch, "length": length, "sparse": "on"})
        path = check_model_path(model)
        where = output or Path(f"{path.stem}-sparse.tflite")
        destination = Destination(where, suffix=".tflite", force=force, inputs=[path])
        name = destination.path.name
        make(out, destination, lambda w: w.convert(path, config, source, name=name, progress=out), custom_objects)
