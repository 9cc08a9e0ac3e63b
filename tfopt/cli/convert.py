"""`tfopt convert`: a Keras model becomes a float LiteRT file."""

from pathlib import Path

from tfopt.artifacts.paths import existing
from tfopt.artifacts.writing import Destination
from tfopt.cli import options
from tfopt.cli.output import Output

EXAMPLES = """Examples:

  tfopt convert model.keras

  tfopt convert model.keras -o baseline.tflite"""


def convert(
    model: options.ModelArgument,
    data: options.Data = None,
    scale: options.ScaleOption = None,
    output: options.Output = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Convert a model to LiteRT in float32: the baseline of quantized files."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        source = options.data_config(data, scale)
        path = existing(model)
        destination = Destination(output or Path(f"{path.stem}.tflite"), suffix=".tflite", force=force, inputs=[path])
        out.load_tensorflow()
        from tfopt import workflow

        result = workflow.convert(path, source, name=destination.path.name, progress=out)
        report = destination.save(result.artifact.payload, result.report)
        out.report(report, written=destination.written)
