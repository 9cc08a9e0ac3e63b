"""Configs of which a command takes one: which it is, an option says; what is for another one is refused."""

from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Annotated, NamedTuple

import typer

from tfopt.cli.options import Typed, offered, option_of, parameter, parameters_of
from tfopt.config.fields import Config
from tfopt.errors import InputError
from tfopt.typing import Options

Adjust = Callable[[str, Options], Options]


class Alternative(NamedTuple):
    """A config that a command may take.

    Attributes:
        name: What it is called.
        config: Its class.
        option: The field or flag that chooses it; empty for the one that is taken without.
        help: Explains the flag.
        only: The fields that have an option, if not all of them.
    """

    name: str
    config: type[Config]
    option: str = ""
    help: str = ""
    only: Sequence[str] = ()

    @property
    def fields(self) -> Sequence[str]:
        """The fields that have an option."""
        return self.only or offered(self.config)


class Alternatives:
    """The options of several configs, those of all but the first under the option that chooses it.

    Args:
        all: The configs; the first needs no option.
        adjust: Changes what was typed, given the name of the config that was chosen.
    """

    def __init__(self, all: Sequence[Alternative], adjust: Adjust | None = None) -> None:
        self.all = all
        self.adjust = adjust

    def parameters(self) -> list[Parameter]:
        """Return an option for each field, and one for each config that is chosen by a flag."""
        main, *others = self.all
        shown = {one.name: one for name in main.fields for one in parameters_of(main.config, name)}
        for other in others:
            panel = f"With --{other.option}"
            if other.option not in other.fields:
                flag = typer.Option(f"--{other.option}", help=other.help, rich_help_panel=panel)
                shown[other.option] = parameter(other.option, Annotated[bool, flag], default=False)
            for name in other.fields:
                for one in parameters_of(other.config, name, panel):
                    shown.setdefault(one.name, one.replace(default=None) if name == other.option else one)
        return list(shown.values())

    def read(self, typed: Typed) -> tuple[str, Config]:
        """Return the name of the config that was chosen, and the config.

        Raises:
            InputError: If an option was typed that is for another one.
        """
        main, *others = self.all
        chosen = next((other for other in others if other.option in typed.given), main)
        given: Options = {}
        for one in self.all:
            given |= typed.fields(one.config, one.fields)
        if self.adjust:
            given = self.adjust(chosen.name, given)
        for name, value in given.items():
            if name not in chosen.config.model_fields:
                owner = next(one for one in self.all if name in one.fields)
                spelled = f"`{name}` {value}" if option_of(owner.config, name).flags else f"`{name}`"
                if chosen is main:
                    raise InputError(f"{spelled} needs `{owner.option}`")
                raise InputError(f"{spelled} is not for `{chosen.option}`: leave one of them out")
        return chosen.name, chosen.config.model_validate(given)
