"""`tfopt bench`: how fast `.tflite` files are here."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.errors import InputError
from tfopt.formats.paths import check_model_path

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help=".tflite files; the first is the baseline.")]
Threads = Annotated[str, typer.Option("--threads", metavar="N,...", help="Numbers of threads to run with.")]


@command
def bench(out: Output, files: Files, threads: Threads = "1") -> None:
    """Measure latency, throughput and memory of LiteRT files, their runs in turns.

    Examples:
        tfopt bench model.tflite model-int8.tflite
        tfopt bench model-int8.tflite --threads 1,2,4
    """
    counts = [int(part) if part.strip().isdecimal() else 0 for part in threads.split(",")]
    if not all(0 < count <= 256 for count in counts):
        raise InputError(f"`threads` {threads} is not a list of numbers from 1 to 256, as in 1,2,4")
    paths = [check_model_path(path) for path in files]
    from tfopt.evaluation.bench import bench
    from tfopt.report.benchmarks import render_benchmarks

    out.show(bench(paths, counts, out), render_benchmarks)
