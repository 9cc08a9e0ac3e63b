"""`tfopt compare` and `tfopt evaluate`: measure files, side by side or one alone."""

from typing import Annotated

import typer

from tfopt.cli import data_options, options
from tfopt.cli.output import Output
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

COMPARE_EXAMPLES = """Examples:

  tfopt compare model.keras model-pruned.keras model-pruned-int8.tflite

  tfopt compare model.keras model-int8.tflite --max-drop 0.01 --max-size 30kB"""

EVALUATE_EXAMPLES = """Examples:

  tfopt evaluate model.keras

  tfopt evaluate model-int8.tflite --data digits"""


def compare(
    models: options.ModelsArgument,
    max_drop: Annotated[
        str | None,
        typer.Option(
            "--max-drop",
            metavar="SHARE",
            help="Fail if accuracy falls by more: 1% or 0.01 is one point.",
            show_default=False,
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Fail if a file is larger: 30kB, 1.5MB.", show_default=False),
    ] = None,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Measure models side by side; exit 1 if one exceeds a limit."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        from tfopt.evaluation.config import Gates

        source = data_options.data_config(data, scale)
        gates = Gates.model_validate({"max_drop": options.share(max_drop, "--max-drop"), "max_size": max_size})
        if len(models) < 2:
            raise InputError("two or more models are needed to compare; `tfopt evaluate` measures one")
        paths = [check_model_path(path) for path in models]
        out.load_tensorflow(custom_objects)
        from tfopt import api as judging

        report = judging.compare(paths, source, gates, progress=out)
        out.report(report)
        if not report.passed:
            raise typer.Exit(1)


def evaluate(
    model: options.AnyModel,
    data: data_options.Data = None,
    scale: data_options.ScaleOption = None,
    custom_objects: options.CustomObjects = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Measure one model: size, accuracy with its interval, latency."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        source = data_options.data_config(data, scale)
        path = check_model_path(model)
        out.load_tensorflow(custom_objects)
        from tfopt import api as judging

        out.report(judging.evaluate(path, source, progress=out))
