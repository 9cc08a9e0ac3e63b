"""The options of all commands: where they write, what they import and what they print."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tfopt.config.fields import Config, Option


class TargetConfig(Config):
    """The file that a command writes."""

    panel: ClassVar[str] = "Run and output"

    output: Annotated[Path | None, Field(description="File to write."), Option("OUT", short="-o")] = None
    force: Annotated[bool, Field(description="Replace files that exist.")] = False


class StepTargetConfig(TargetConfig):
    """The file that a technique writes, and its recipe."""

    save_recipe: Annotated[
        Path | None, Field(description="Also write what was asked for as a recipe."), Option("FILE")
    ] = None
    dry_run: Annotated[
        bool,
        Field(description="Show what would be done to each layer; train and write nothing, but for `save_recipe`."),
        Option(flag="--dry-run"),
    ] = False


class FolderConfig(Config):
    """The folder in which a recipe is run, and the lock that it is held to.

    Raises:
        ConfigError: If `force` and `resume` are given together.
    """

    panel: ClassVar[str] = "Run and output"

    output: Annotated[
        Path | None,
        Field(description="Folder to run in; left out: named after the recipe, as small-run for small.yaml."),
        Option("DIR", short="-o"),
    ] = None
    resume: Annotated[
        bool, Field(description="Go on with an earlier run: no finished step is done again."), Option(flag="--resume")
    ] = False
    force: Annotated[bool, Field(description="Begin anew, and replace files that exist."), Option(flag="--force")] = (
        False
    )
    locked: Annotated[
        bool,
        Field(description="Hold the run to the lock beside the recipe: exit 1 if bytes or figures differ."),
        Option(flag="--locked"),
    ] = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.force and self.resume:
            raise ValueError("`resume` goes on with a run and `force` begins anew; give one of them")
        return self


class ReportFilesConfig(Config):
    """Files of the report, for what runs the command in CI and for a browser."""

    panel: ClassVar[str] = "Run and output"

    junit: Annotated[
        Path | None, Field(description="Also write the limits and whether they hold as JUnit XML."), Option("FILE")
    ] = None
    markdown: Annotated[
        Path | None, Field(description="Also write the report as a table in Markdown."), Option("FILE")
    ] = None
    html: Annotated[
        Path | None,
        Field(description="Also write the report as one page of HTML, with charts (extra `html`)."),
        Option("FILE"),
    ] = None

    @property
    def asked(self) -> list[Path]:
        """The files that are asked for."""
        return [path for path in (self.junit, self.markdown, self.html) if path]


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
