"""What every command that makes a file does once its options are checked."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from tfopt.artifacts.writing import Destination
from tfopt.cli.output import Output

if TYPE_CHECKING:
    from tfopt.workflow import Result


def make(
    out: Output, destination: Destination, command: Callable[[ModuleType], "Result"], custom_objects: str | None
) -> None:
    """Load TensorFlow, call `command` with the module `tfopt.workflow`, write what it made and show the report.

    Ends with exit code 1 if what was made does not hold a limit.
    """
    out.load_tensorflow(custom_objects)
    from tfopt import workflow

    result = command(workflow)
    beside = result.trained.payload if result.trained else b""
    out.report(destination.save(result.artifact.payload, result.report, beside), written=destination.written)
    if not result.report.passed:
        raise typer.Exit(1)
