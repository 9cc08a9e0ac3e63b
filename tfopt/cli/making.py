"""What every command that makes a file does once its options are checked."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from tfopt.cli.output import Output
from tfopt.core.destination import Destination

if TYPE_CHECKING:
    from tfopt.core.result import Result


def make(
    out: Output, destination: Destination, command: Callable[[ModuleType], "Result"], custom_objects: str | None
) -> None:
    """Load TensorFlow, call `command` with the module `tfopt.api`, write what it made and show the report.

    Ends with exit code 1 if what was made does not hold a limit.
    """
    with destination.held():
        out.load_tensorflow(custom_objects)
        from tfopt import api as workflow

        result = command(workflow)
        beside = [_beside(path, result) for path in destination.beside]
        report = destination.save(result.artifact.payload, result.report, beside)
    out.report(report, written=destination.written)
    if not result.report.passed:
        raise typer.Exit(1)


def _beside(path: Path, result: "Result") -> bytes:
    """What a file beside the artifact holds: the result's other file, or the artifact as C source or header."""
    if path.suffix in (".keras", ".tflite"):
        [companion] = result.companions
        return companion.payload
    from tfopt.conversion.c_array import c_array

    source, header = c_array(result.artifact.payload, path.stem)
    return (source if path.suffix == ".c" else header).encode()
