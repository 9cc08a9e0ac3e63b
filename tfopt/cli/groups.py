"""The options of a config, and the config that is made of what was typed: one argument of a command."""

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter
from typing import Annotated, Any, NamedTuple, get_origin

import typer

from tfopt.cli.flags import OF_VALUE
from tfopt.cli.options import offered, option_of, parameter, parameters_of, types_of
from tfopt.config.fields import Config
from tfopt.errors import InputError
from tfopt.typing import Options

Adjust = Callable[[type[Config], Options], Options | None]


class Choice(NamedTuple):
    """A config that `option`, a field of it or a flag with its `help`, chooses; `only` are the fields it offers."""

    config: type[Config]
    option: str = ""
    help: str = ""
    only: Sequence[str] = ()

    @property
    def fields(self) -> Sequence[str]:
        """The fields that have an option."""
        return self.only or offered(self.config)


class Fields:
    """An option for each field of a config.

    Args:
        config: The class of the config.
        choices: Configs that may be chosen in its place; their options are listed under the one that chooses them.
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
        self.adjust = adjust
        self.panel = panel

    def parameters(self) -> list[Parameter]:
        """Return the options, in order."""
        shown: dict[str, Parameter] = {}
        for one in self.all:
            panel = f"With --{one.option}" if one.option else self.panel
            if one.option and one.option not in one.fields:
                flag = typer.Option(f"--{one.option}", help=one.help, rich_help_panel=panel)
                shown[one.option] = parameter(one.option, Annotated[bool, flag], default=False)
            for made in (made for name in one.fields for made in parameters_of(one.config, name, panel)):
                shown.setdefault(made.name, made.replace(default=None) if made.name == one.option else made)
        return list(shown.values())

    def read(self, values: Mapping[str, Any], typed: Collection[str]) -> Config | None:
        """Return the config that was chosen, or None where there is to be none; refuse what is for another one.

        Args:
            values: Those of all options of the command.
            typed: The names of those that are not defaults.
        """
        main, *choices = self.all
        chosen = next((one for one in choices if one.option in typed), main)
        asked = {name: value for one in self.all for name, value in _typed_fields(one, values, typed).items()}
        given = self.adjust(chosen.config, asked)
        for name, value in (given or {}).items():
            if name not in chosen.config.model_fields:
                owner = next(one for one in self.all if name in one.config.model_fields)
                spelled = f"`{name}` {value}" if option_of(owner.config, name).flags else f"`{name}`"
                if chosen is main:
                    raise InputError(f"{spelled} needs `{owner.option}`")
                raise InputError(f"{spelled} is not for `{chosen.option}`: leave one of them out")
        return None if given is None else chosen.config.model_validate(given)


def _typed_fields(one: Choice, values: Mapping[str, Any], typed: Collection[str]) -> Options:
    """Return what was typed for the fields of a config, which reads it itself."""
    found: Options = {}
    for name in one.fields:
        flags = [value for value in option_of(one.config, name).flags if values[f"{name}{OF_VALUE}{value}"]]
        if len(flags) > 1:
            raise InputError(f"{' and '.join(f'`{name}` {flag}' for flag in flags)} exclude each other; choose one")
        if flags or name in typed:
            found[name] = flags[0] if flags else _split(values[name], types_of(one.config, name))
    return found


def _split(value: Any, kinds: Sequence[Any]) -> Any:
    """Return the parts of a list; a number that might be the name of a file is a number."""
    if isinstance(value, str) and get_origin(kinds[0]) in (tuple, list):
        return [part.strip() for part in value.split(",")]
    return int(value) if isinstance(value, str) and int in kinds and value.isdecimal() else value
