"""What can be asked of many commands: which other data to use, where to write, what to print."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Scale
from tfopt.config.fields import Config, Option
from tfopt.data.config import SCALES, SOURCES, DataConfig

LEFT_OUT = "left out: what the model was trained on. Columns and windows are those of its training."


class OtherData(Config):
    """Which data to use in place of those that a model remembers."""

    panel: ClassVar[str] = DataConfig.panel

    data: Annotated[str | None, Field(description=f"{SOURCES}; {LEFT_OUT}"), Option("NAME|PATH")] = None
    scale: Annotated[Scale | None, Field(description=SCALES)] = None

    @property
    def config(self) -> DataConfig | None:
        """The data, or None for those that the model remembers."""
        return None if self.data is None else DataConfig(source=self.data, scale=self.scale)

    @model_validator(mode="after")
    def _scale_needs_data(self) -> Self:
        if self.data is None and self.scale is not None:
            raise ValueError(
                f"`scale` {self.scale} needs `data`; without it the model's own data is fed as in training"
            )
        return self


class Target(Config):
    """Where a command writes."""

    panel: ClassVar[str] = "Run and output"

    output: Annotated[Path | None, Field(description="File to write."), Option("OUT", short="-o")] = None
    force: Annotated[bool, Field(description="Replace files that exist.")] = False


class Run(Config):
    """What a command imports and prints."""

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
