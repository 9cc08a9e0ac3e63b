"""`tfopt predict`: what a model answers to texts, images or numbers."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli import options
from tfopt.cli.output import Output
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt predict reviews.keras "the staff was not friendly" "a lovely room"

  tfopt predict digits.keras three.png seven.png

  tfopt predict power.keras --file latest.csv --json

  tfopt predict reviews-int8.tflite --like reviews.keras --file texts.txt"""


def predict(
    model: options.AnyModel,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT|IMAGE]...", help="Texts, or paths of image files.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Take the inputs from a file: a text a line, or numbers in an .npy file or a .csv or .tsv table; of a"
            " series what comes after its end is forecast.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="MODEL",
            help="The .keras model that a .tflite file was made from: it remembers how inputs are prepared.",
            show_default=False,
        ),
    ] = None,
    custom_objects: options.CustomObjects = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Answer texts, images or numbers as they come, prepared as the model remembers from its training."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        if bool(inputs) == (file is not None):
            raise InputError("give inputs (texts or image files), or a file of them with --file")
        path, memory = check_model_path(model), check_model_path(like) if like else None
        out.load_tensorflow(custom_objects)
        from tfopt.evaluation.prediction import predict as run
        from tfopt.evaluation.prediction import read_inputs

        given = read_inputs(file, path, like=memory) if file else inputs or []
        out.predictions(run(path, given, like=memory, progress=out))
