"""A command is a function; its configs become options, and what all commands have in common is added here."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from tfopt.cli.flags import Flags
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.config.fields import Config
from tfopt.config.run import RunConfig

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file, one of Keras 2, or keras-hub:FOLDER.")]
AnyModel = Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras or .tflite file, or keras-hub:FOLDER.")]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make of a function one that Typer makes a command of.

    A parameter that is annotated with a config, or with `Fields` of one, becomes an option for each field. The function
    gets an `Output` first, in whose context errors are told in the words of the command line. A command that reads a
    model may import custom objects.
    """
    _, *own = signature(function).parameters.values()
    groups = {one.name: group for one in own if (group := _group(one.annotation))}
    reads_models = any(one.name in ("model", "models", "recipe") for one in own)
    run = Fields(RunConfig, only=[name for name in RunConfig.model_fields if reads_models or name != "custom_objects"])
    shown = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for one in own:
        shown += groups[one.name].parameters() if one.name in groups else [one.replace(kind=Parameter.KEYWORD_ONLY)]
    shown += run.parameters()

    @wraps(function)
    def wrapped(context: typer.Context, **values: Any) -> None:
        typed = {name for name in values if _is_typed(context, name)}
        with Output(flags_of(context.command), run.read(values, typed)) as out:
            read = {name: group.read(values, typed) for name, group in groups.items()}
            function(out, **{one.name: values.get(one.name) for one in own} | read)

    annotations = {one.name: one.annotation for one in shown}
    vars(wrapped).update(__signature__=Signature(shown), __annotations__=annotations)
    return wrapped


def flags_of(*commands: Any) -> Flags:
    """Return how commands, such as the one that runs or whose help is shown, spell what they take."""
    options = [one for each in commands for one in each.params if one.param_type_name == "option"]
    return Flags((one.name or "", one.opts, one.secondary_opts) for one in options)


def _group(annotation: Any) -> Fields | None:
    """Return the options that stand for a parameter, if they do."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return Fields(annotation)
    return next((part for part in get_args(annotation)[1:] if isinstance(part, Fields)), None)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
