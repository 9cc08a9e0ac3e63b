"""`tfopt inspect`: what is in a model file, and what can be done with it."""

from typing import Annotated

import typer

from tfopt.cli.command import AnyModel, command, flags_of
from tfopt.cli.commands import GENERATED
from tfopt.cli.output import Output
from tfopt.formats.paths import check_model_path

HELP = "Convert and quantize the model to see what that does to each layer; takes some 15 seconds more."


@command
def inspect(out: Output, model: AnyModel, trial: Annotated[bool, typer.Option("--trial", help=HELP)] = False) -> None:
    """Show the layers of a model, what they cost, what each technique can do with them, and how it was made.

    Examples:
        tfopt inspect model.keras
        tfopt inspect model-int8.tflite
        tfopt inspect model.keras --trial --json
    """
    from tfopt.cli.application import imported

    path = check_model_path(model)
    out.flags = flags_of(*(imported(name) for name in (*GENERATED, "quantize", "inspect")))  # of what techniques say
    out.load_tensorflow()
    from tfopt.api import inspect
    from tfopt.report.inspection_table import render_inspection

    out.show(inspect(path, trial=trial, progress=out), render_inspection)
