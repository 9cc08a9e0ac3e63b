"""The Typer application: a group whose commands are imported one by one, with help pages of our own."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tfopt.cli import page
from tfopt.cli.command import flags_of
from tfopt.cli.commands import FILES, GENERATED, listed, show_list, text_of

SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command; what its help says of fields is translated to its flags."""

    def format_help(self, ctx: Any, formatter: object) -> None:  # noqa: ARG002
        """Print the page."""
        flags = flags_of(ctx.command)
        panels: dict[str, list[page.Row]] = {"Arguments": [], "Options": []}
        for one in self.get_params(ctx):
            if isinstance(one, (TyperArgument, TyperOption)):
                panel = one.rich_help_panel or ("Options" if isinstance(one, TyperOption) else "Arguments")
                panels.setdefault(panel, []).append(_row(one, flags.translate(one.help or ""), ctx))
        text, _, examples = (self.help or "").partition(page.EXAMPLES)
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        page.show(usage, text.strip(), panels, [line.strip() for line in examples.splitlines() if line.strip()])


def _row(one: TyperArgument | TyperOption, text: str, context: Any) -> page.Row:
    if isinstance(one, TyperArgument):
        return page.Row(one.human_readable_name, text, metavar=f"<{one.type.name}>", required=one.required)
    default = "" if one.default is None else str(one.default)
    if not one.show_default:
        default = ""
    elif one.is_bool_flag:
        default = (one.opts if one.default else one.secondary_opts)[0].lstrip("-") if one.secondary_opts else ""
    long, short = ([flag for flag in one.opts if flag.startswith("--") is it] for it in (True, False))
    metavar = "" if one.is_flag else one.make_metavar(context)
    return page.Row(",".join(long), text, ",".join(short), ",".join(one.secondary_opts), metavar, default)


class Group(TyperGroup):
    """The commands; each is there by name from the start, and is imported when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        names = (name for commands in listed().values() for name in commands)
        self.commands = {name: TyperCommand(name) for name in names}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return the command, imported."""
        found = self.commands.get(cmd_name)
        if type(found) is TyperCommand:
            found = self.commands[cmd_name] = imported(cmd_name)
        return found

    def format_help(self, ctx: Any, formatter: object) -> None:  # noqa: ARG002
        """Print the list of commands."""
        show_list()


def imported(name: str) -> Any:
    """Return the command of this name; its options are made from its configs."""
    if text_of(name) and name not in GENERATED:
        function = getattr(import_module(f"tfopt.cli.{FILES.get(name, name)}"), name)
    else:
        from tfopt.cli.technique import technique_command

        function = technique_command(*GENERATED.get(name, (name,)))
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=SETTINGS)
    alone.command(name, cls=Command)(function)
    return typer.main.get_command(alone)


application = typer.Typer(cls=Group, pretty_exceptions_enable=False, context_settings=SETTINGS)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tfopt {version('tfopt')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@application.callback(invoke_without_command=True)
def _start(context: typer.Context, version: Version = False) -> None:  # noqa: ARG001
    if context.invoked_subcommand is None:
        show_list()
