"""`tfopt predict`: what a model answers to texts, images or numbers."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import AnyModel, command
from tfopt.cli.output import Output
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TEXT|FILE]...", help="Texts, or files of images or sounds, folders of them or patterns as '*.png'."
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Take the inputs from a file: a text a line, texts or numbers of a .csv or .tsv table, an .npy or .npz"
        " file, or a folder of images or sounds; of a series what comes after its end is forecast.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option("--column", metavar="NAME", help="The column of the texts in a table, or the array of an .npz file."),
]
Like = Annotated[
    Path | None,
    typer.Option(
        "--like",
        metavar="MODEL",
        help="The .keras model that a .tflite file was made from, if that does not remember how inputs are prepared.",
    ),
]


Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Folder for answers that are masks or images: a file for each."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


@command
def predict(
    out: Output,
    model: AnyModel,
    inputs: Inputs = None,
    file: File = None,
    column: Column = None,
    like: Like = None,
    output: Folder = None,
    force: Force = False,
) -> None:
    """Answer texts, images or numbers as they come, prepared as the model remembers from its training.

    Examples:
        tfopt predict reviews.keras "the staff was not friendly" "a lovely room"
        tfopt predict digits.keras three.png seven.png
        tfopt predict digits.keras photos/
        tfopt predict shapes.keras photos/ -o masks/
        tfopt predict commands.keras yes.wav
        tfopt predict power.keras --file latest.csv --json
        tfopt predict reviews.keras --file reviews.csv --column review
        tfopt predict reviews-int8.tflite --file texts.txt
    """
    if bool(inputs) == (file is not None):
        raise InputError("give inputs (texts or image files), or a file of them with `file`")
    if column is not None and file is None:
        raise InputError(f"`column` {column} is one of a `file`")
    path, memory = check_model_path(model), check_model_path(like) if like else None
    out.load_tensorflow()
    from tfopt.evaluation.prediction import predict, read_inputs
    from tfopt.report.predictions import render_predictions

    given = read_inputs(file, path, like=memory, column=column) if file else inputs or []
    found = predict(path, given, like=memory, output=output, force=force, progress=out)
    out.show(found, partial(render_predictions, everything=out.run.verbose))
