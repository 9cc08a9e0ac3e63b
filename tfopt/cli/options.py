"""The options of a command are the fields of configs: how each is spelled, what Typer reads, under which heading."""

from collections.abc import Sequence
from enum import Enum
from functools import reduce
from inspect import Parameter, get_annotations
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from tfopt.cli.flags import OF_VALUE
from tfopt.config.fields import Config, Option


def parameter(name: str, annotation: Any, default: object = None) -> Parameter:
    """Return a parameter of the function that Typer makes a command of."""
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def offered(config: type[Config]) -> list[str]:
    """Return the fields that have an option: those that the class adds first, those of its bases after them."""
    homes = {name: config.__mro__.index(_home(config, name)) for name in config.model_fields}
    return [name for name in sorted(homes, key=homes.__getitem__) if option_of(config, name).offered]


def option_of(config: type[Config], name: str) -> Option:
    """Return how a field is offered; what the field says counts more than what its type says."""
    field = config.model_fields[name]
    of_type = [part for kind in _alternatives(field.annotation) for part in getattr(kind, "__metadata__", ())]
    said = [part for part in (*of_type, *field.metadata) if isinstance(part, Option)]
    return reduce(or_, said, Option(panel=vars(_home(config, name)).get("panel", "")))


def flag_of(config: type[Config], name: str) -> str:
    """Return the option of a field, of a bool both forms."""
    plain = name.replace("_", "-")
    pair = types_of(config, name) == [bool]
    return option_of(config, name).flag or (f"--{plain}/--no-{plain}" if pair else f"--{plain}")


def parameters_of(config: type[Config], name: str, panel: str | None = None) -> list[Parameter]:
    """Return the parameter of a field, under the heading `panel`; a field with a flag for each value has as many."""
    field, option, made = config.model_fields[name], option_of(config, name), []
    panel = (option.panel if panel is None else panel) or None
    for value, text in option.flags.items():
        flag = typer.Option(f"--{value}", help=text, rich_help_panel=panel)
        made.append(parameter(f"{name}{OF_VALUE}{value}", Annotated[bool, flag], default=False))
    if made:
        return made
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, (tuple, list)):
        default = ",".join(map(str, default)) or None
    elif isinstance(default, (Config, Enum)):
        default = None if isinstance(default, Config) else default.value
    kind, spelled = _typed_as(types_of(config, name), option), [flag_of(config, name), *filter(None, [option.short])]
    shown = typer.Option(
        *spelled, metavar=option.metavar or None, help=field.description, rich_help_panel=panel,
        show_default=default is not None,
    )  # fmt: skip
    return [parameter(name, Annotated[kind if kind is bool and default is not None else kind | None, shown], default)]


def types_of(config: type[Config], name: str) -> list[Any]:
    """Return the types that a field may have, without None and what pydantic is told of them."""
    found = _alternatives(config.model_fields[name].annotation)
    inner = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in found]
    return [part for kind in inner for part in _alternatives(kind)]


def _home(config: type[Config], name: str) -> type:
    """Return the class that has added a field."""
    return next(kind for kind in reversed(config.__mro__) if name in get_annotations(kind))


def _alternatives(annotation: Any) -> list[Any]:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return [part for part in parts if part is not type(None)]


def _typed_as(kinds: Sequence[Any], option: Option) -> Any:
    """Return the type that Typer reads a field as; what it cannot tell is read as text."""
    kind = kinds[0]
    if len(kinds) > 1 or option.text:
        return str
    if get_origin(kind) is Literal:
        return kind if all(isinstance(value, str) for value in get_args(kind)) else type(get_args(kind)[0])
    return kind if kind in (int, float, bool, Path) else str
