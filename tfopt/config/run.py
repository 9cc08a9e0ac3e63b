"""The options of all commands: where they write, what they import and what they print."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from tfopt.config.fields import Config, Option


class TargetConfig(Config):
    """The file that a command writes."""

    panel: ClassVar[str] = "Run and output"

    output: Annotated[Path | None, Field(description="File to write."), Option("OUT", short="-o")] = None
    force: Annotated[bool, Field(description="Replace files that exist.")] = False


class RunConfig(Config):
    """The options of what a command imports and prints."""

    panel: ClassVar[str] = "Run and output"

    custom_objects: Annotated[
        str | None,
        Field(
            description="Import your own layers: the function returns a dict of names and classes. Runs the module's"
            " code."
        ),
        Option("MODULE:FUNCTION"),
    ] = None
    as_json: Annotated[
        bool, Field(description="Print the report as one JSON object on stdout."), Option(flag="--json/--no-json")
    ] = False
    quiet: Annotated[
        bool, Field(description="No progress, no report on the terminal."), Option(flag="--quiet", short="-q")
    ] = False
    verbose: Annotated[
        bool, Field(description="Show every layer, and what TensorFlow logs."), Option(flag="--verbose", short="-v")
    ] = False
    debug: Annotated[bool, Field(description="Show a traceback if something fails."), Option(flag="--debug")] = False
