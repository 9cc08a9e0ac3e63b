"""A command is a function; its configs become options, and what all commands have in common is added here."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_args

import typer

from tfopt.cli.flags import Flags
from tfopt.cli.options import RUN, Fields, OptionGroup, RememberedData, Target, Typed, Writing, parameter
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.data.config import DataConfig

CUSTOM_OBJECTS = typer.Option(
    "--custom-objects",
    metavar="MODULE:FUNCTION",
    help="Import your own layers: the function returns a dict of names and classes. Runs the module's code.",
    rich_help_panel=RUN,
)
SWITCHES = {
    "json": typer.Option(
        "--json/--no-json", help="Print the report as one JSON object on stdout.", rich_help_panel=RUN
    ),
    "quiet": typer.Option("--quiet", "-q", help="No progress, no report on the terminal.", rich_help_panel=RUN),
    "verbose": typer.Option("--verbose", "-v", help="Show every layer, and what TensorFlow logs.", rich_help_panel=RUN),
    "debug": typer.Option("--debug", help="Show a traceback if something fails.", rich_help_panel=RUN),
}


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make of a function one that Typer makes a command of.

    A parameter that is annotated with a config becomes an option for each of its fields, `DataConfig | None` what a
    model that remembers its data takes, `Target` where to write; `Annotated[type, group]` what an `OptionGroup` has.
    The function gets an `Output` first, as a context in which errors are told in the words of the command line. A
    command that reads a model may import custom objects.
    """
    _, *own = signature(function).parameters.values()
    groups = {one.name: group for one in own if (group := _group(one.annotation))}
    shown = [more for one in own for more in (groups[one.name].parameters() if one.name in groups else [one])]
    common = [parameter("custom_objects", Annotated[str | None, CUSTOM_OBJECTS])] if _reads_models(own) else []
    common += [parameter(name, Annotated[bool, option], default=False) for name, option in SWITCHES.items()]

    @wraps(function)
    def run(context: typer.Context, **values: Any) -> None:
        typed = Typed(values, frozenset(name for name in values if _is_typed(context, name)))
        with Output(flags_of(context), **{one.name: values[one.name] for one in common}) as out:
            read = {name: group.read(typed) for name, group in groups.items()}
            function(out, **{one.name: values.get(one.name) for one in own} | read)

    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    seen = [context, *(one.replace(kind=Parameter.KEYWORD_ONLY) for one in [*shown, *common])]
    vars(run).update(__signature__=Signature(seen), __annotations__={one.name: one.annotation for one in seen})
    return run


def flags_of(context: typer.Context) -> Flags:
    """Return how the command that runs, or whose help is shown, spells what it takes."""
    options = [one for one in context.command.params if one.param_type_name == "option"]
    return Flags((one.name or "", one.opts, one.secondary_opts) for one in options)


def _group(annotation: Any) -> OptionGroup | None:
    """Return the group of options that stands for a parameter, if one does."""
    if annotation == (DataConfig | None):
        return RememberedData()
    if annotation is Target:
        return Writing()
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return Fields(annotation)
    return next((part for part in get_args(annotation)[1:] if hasattr(part, "parameters")), None)


def _reads_models(own: list[Parameter]) -> bool:
    return any(one.name in ("model", "models") for one in own)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
