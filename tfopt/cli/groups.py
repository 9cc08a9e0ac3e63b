"""The options of a config, and the config that is made of what was typed: one argument of a command."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, NamedTuple, get_origin

import typer

from tfopt.cli.flags import OF_VALUE
from tfopt.cli.options import offered, option_of, parameter, parameters_of, types_of
from tfopt.config.fields import Config
from tfopt.errors import InputError
from tfopt.typing import Options

Adjust = Callable[[type[Config], Options], Options | None]


@dataclass(frozen=True)
class Typed:
    """What was typed: the values of all parameters of a command, and which of them are not defaults."""

    values: Mapping[str, Any]
    given: frozenset[str]

    def fields(self, config: type[Config], names: Sequence[str]) -> Options:
        """Return the values that were typed for fields of `config`; it reads them itself."""
        found: Options = {}
        for name in names:
            flags = [value for value in option_of(config, name).flags if self.values[f"{name}{OF_VALUE}{value}"]]
            if len(flags) > 1:
                raise InputError(f"{' and '.join(f'`{name}` {flag}' for flag in flags)} exclude each other; choose one")
            if flags:
                found[name] = flags[0]
            elif name in self.given:
                found[name] = _split(self.values[name], types_of(config, name))
        return found


class Choice(NamedTuple):
    """A config that a command takes in place of its usual one.

    Attributes:
        config: Its class.
        option: The field or flag that chooses it; its fields are listed under it.
        help: Explains the flag.
        only: The fields that have an option, if not all of them.
    """

    config: type[Config]
    option: str = ""
    help: str = ""
    only: Sequence[str] = ()


class Fields:
    """An option for each field of a config.

    Args:
        config: The class of the config.
        choices: Configs that may be chosen in its place.
        only: The fields that have an option, if not all of them.
        adjust: Changes what was typed for a config; None means that there is to be none.
        panel: The heading of all of them, if it is another one than theirs.
    """

    def __init__(
        self,
        config: type[Config],
        *choices: Choice,
        only: Sequence[str] = (),
        adjust: Adjust = lambda _, given: given,
        panel: str | None = None,
    ) -> None:
        self.all = [Choice(config, only=only), *choices]
        self.names = [one.only or offered(one.config) for one in self.all]
        self.adjust = adjust
        self.panel = panel

    def parameters(self) -> list[Parameter]:
        """Return the options, in order."""
        shown: dict[str, Parameter] = {}
        for one, names in zip(self.all, self.names, strict=True):
            panel = f"With --{one.option}" if one.option else self.panel
            if one.option and one.option not in names:
                flag = typer.Option(f"--{one.option}", help=one.help, rich_help_panel=panel)
                shown[one.option] = parameter(one.option, Annotated[bool, flag], default=False)
            for name in names:
                for made in parameters_of(one.config, name, panel):
                    shown.setdefault(made.name, made.replace(default=None) if name == one.option else made)
        return list(shown.values())

    def read(self, typed: Typed) -> Config | None:
        """Return the config that was chosen, or None where there is to be none; refuse what is for another one."""
        main, *choices = self.all
        chosen = next((one for one in choices if one.option in typed.given), main)
        asked: Options = {}
        for one, names in zip(self.all, self.names, strict=True):
            asked |= typed.fields(one.config, names)
        given = self.adjust(chosen.config, asked)
        for name, value in (given or {}).items():
            if name not in chosen.config.model_fields:
                owner = next(one for one in self.all if name in one.config.model_fields)
                spelled = f"`{name}` {value}" if option_of(owner.config, name).flags else f"`{name}`"
                if chosen is main:
                    raise InputError(f"{spelled} needs `{owner.option}`")
                raise InputError(f"{spelled} is not for `{chosen.option}`: leave one of them out")
        return None if given is None else chosen.config.model_validate(given)


def _split(value: Any, kinds: Sequence[Any]) -> Any:
    """Return the parts of a list; a number that might be the name of a file is a number."""
    if not isinstance(value, str):
        return value
    if get_origin(kinds[0]) in (tuple, list):
        return [part.strip() for part in value.split(",")]
    return int(value) if int in kinds and value.isdecimal() else value
