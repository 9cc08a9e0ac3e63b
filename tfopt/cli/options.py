"""From the fields of a config to the options of a command, and from what was typed back to a config."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from inspect import Parameter, get_annotations
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Union, get_args, get_origin

import typer

from tfopt.cli.flags import OF_VALUE
from tfopt.cli.values import read_value
from tfopt.config.fields import Config, Option
from tfopt.data.config import SOURCES, DataConfig
from tfopt.errors import InputError
from tfopt.typing import Options

RUN = "Run and output"
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file, or one of Keras 2.")]
AnyModel = Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras or .tflite file.")]


@dataclass(frozen=True)
class Typed:
    """What was typed: the values of all parameters of a command, and which of them are not defaults."""

    values: Mapping[str, Any]
    given: frozenset[str]

    def fields(self, config: type[Config], names: Sequence[str]) -> Options:
        """Return the values that were typed for fields of `config`, read."""
        found: Options = {}
        for name in names:
            option = option_of(config, name)
            flags = [value for value in option.flags if self.values[f"{name}{OF_VALUE}{value}"]]
            if len(flags) > 1:
                raise InputError(f"{' and '.join(f'`{name}` {flag}' for flag in flags)} exclude each other; choose one")
            if flags:
                found[name] = flags[0]
            elif name in self.given:
                found[name] = read_value(name, self.values[name], types_of(config, name), option.unit)
        return found


class OptionGroup(Protocol):
    """Options that together become one argument of a command."""

    def parameters(self) -> list[Parameter]:
        """Return what Typer makes the options of."""

    def read(self, typed: Typed) -> object:
        """Return the argument; raise `InputError` if what was typed makes no sense."""


class Fields:
    """An option for each field of a config.

    Args:
        config: The class of the config.
        only: The fields, if not all of them; they are listed under no heading of their own.
        adjust: Changes what was typed; None means that there is to be no config.
    """

    def __init__(
        self, config: type[Config], only: Sequence[str] = (), adjust: Callable[[Options], Options | None] | None = None
    ) -> None:
        self.config = config
        self.names = only or offered(config)
        self.panel = "" if only else None
        self.adjust = adjust

    def parameters(self) -> list[Parameter]:
        """Return the parameters of all fields, in order."""
        return [one for name in self.names for one in parameters_of(self.config, name, self.panel)]

    def read(self, typed: Typed) -> Config | None:
        """Return the config, or None where there is to be none."""
        given: Options | None = typed.fields(self.config, self.names)
        given = self.adjust(given) if self.adjust and given is not None else given
        return None if given is None else self.config.model_validate(given)


class RememberedData:
    """The options of a model that remembers its data: which others to use, and how to feed them."""

    def parameters(self) -> list[Parameter]:
        """Return `--data` and `--scale`."""
        text = f"{SOURCES}; left out: what the model was trained on. Columns and windows are those of its training."
        data = typer.Option("--data", metavar="NAME|PATH", help=text, rich_help_panel=DataConfig.panel)
        return [parameter("data", Annotated[str | None, data]), *parameters_of(DataConfig, "scale")]

    def read(self, typed: Typed) -> DataConfig | None:
        """Return what is asked for, or None if the model's own data is to be used."""
        data, scale = typed.values["data"], typed.values["scale"]
        if data is None and scale is not None:
            raise InputError(f"`scale` {scale} needs `data`; without it the model's own data is fed as in training")
        return None if data is None else DataConfig(source=data, scale=scale)


class Target(NamedTuple):
    """Where a command is to write, if that was said, and whether it may replace files."""

    path: Path | None
    force: bool


class Writing:
    """The options of a command that writes; `default` is the file if none is named."""

    def __init__(self, default: str = "") -> None:
        self.default = Path(default) if default else None

    def parameters(self) -> list[Parameter]:
        """Return `--output` and `--force`."""
        output = typer.Option("--output", "-o", metavar="OUT", help="File to write.", rich_help_panel=RUN)
        force = typer.Option("--force/--no-force", help="Replace files that exist.", rich_help_panel=RUN)
        return [
            parameter("output", Annotated[Path | None, output], self.default),
            parameter("force", Annotated[bool, force], default=False),
        ]

    def read(self, typed: Typed) -> Target:
        """Return what was asked for."""
        return Target(typed.values["output"], typed.values["force"])


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
    panel = _home(config, name).__dict__.get("panel", "")
    said = [part for part in (*of_type, *field.metadata) if isinstance(part, Option)]
    return reduce(or_, said, Option(panel=panel))


def flag_of(config: type[Config], name: str) -> str:
    """Return the option of a field, of a bool both forms."""
    plain = name.replace("_", "-")
    pair = config.model_fields[name].annotation is bool
    return option_of(config, name).flag or (f"--{plain}/--no-{plain}" if pair else f"--{plain}")


def parameters_of(config: type[Config], name: str, panel: str | None = None) -> list[Parameter]:
    """Return the parameter of a field, under the heading `panel`; a field with a flag for each value has as many."""
    field, option = config.model_fields[name], option_of(config, name)
    panel = (option.panel if panel is None else panel) or None
    flags = {
        f"{name}{OF_VALUE}{value}": typer.Option(f"--{value}", help=text, rich_help_panel=panel)
        for value, text in option.flags.items()
    }
    if flags:
        return [parameter(one, Annotated[bool, flag], default=False) for one, flag in flags.items()]
    default = None if field.is_required() or isinstance(field.default, Config) else field.default
    if isinstance(default, (tuple, list)):
        default = ",".join(map(str, default)) or None
    kind = _typed_as(types_of(config, name), option)
    made = typer.Option(
        flag_of(config, name), metavar=option.metavar or None, help=field.description, rich_help_panel=panel
    )
    return [parameter(name, Annotated[kind if kind is bool else kind | None, made], default)]


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
    if len(kinds) > 1 or option.unit:
        return str
    if get_origin(kind) is Literal:
        return kind if all(isinstance(value, str) for value in get_args(kind)) else type(get_args(kind)[0])
    return kind if kind in (int, float, bool, Path) else str
