"""`tfopt bench`: how fast `.tflite` files are here."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli import options
from tfopt.cli.output import Output
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

EXAMPLES = """Examples:

  tfopt bench model.tflite model-int8.tflite

  tfopt bench model-int8.tflite --threads 1,2,4"""


def bench(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help=".tflite files; the first is the baseline.")],
    threads: Annotated[str, typer.Option("--threads", metavar="N,...", help="Numbers of threads to run with.")] = "1",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Measure latency, throughput and memory of LiteRT files, their runs in turns."""
    with Output(json=json, quiet=quiet, verbose=verbose, debug=debug) as out:
        counts = [int(part) if part.strip().isdigit() else 0 for part in threads.split(",")]
        if not all(0 < count <= 256 for count in counts):
            raise InputError(f"--threads {threads} is not a list of numbers from 1 to 256, as in 1,2,4")
        paths = [check_model_path(path) for path in files]
        from tfopt.evaluation.bench import bench as run

        out.benchmarks(run(paths, counts, out))
