"""`tfopt inspect`: what is in a model file, and what can be done with it."""

from typing import Annotated

import typer

from tfopt.cli import options
from tfopt.cli.output import Output
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt inspect model.keras

  tfopt inspect model-int8.tflite

  tfopt inspect large.h5 --no-int8 --json"""


def inspect(
    model: options.AnyModel,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8/--no-int8",
            help="Convert and quantize the model, to see what that does to each layer; takes longer.",
        ),
    ] = True,
    custom_objects: options.CustomObjects = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Show the layers of a model, what they cost, what each technique can do with them, and how it was made."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        path = check_model_path(model)
        out.load_tensorflow(custom_objects)
        from tfopt import api as judging

        out.inspection(judging.inspect(path, int8=int8, progress=out))
