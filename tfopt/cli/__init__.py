"""The command line: flags become a config, the report becomes something a person reads.

Nothing heavy is imported before a command runs, so that help is instant.
"""

import os
import sys
from typing import Annotated

import typer

from tfopt.cli import (
    bench,
    binarize,
    build,
    cluster,
    compare,
    convert,
    debug,
    distill,
    inspect,
    predict,
    prune,
    quantize,
    shootout,
    train,
    tune,
)

app = typer.Typer(
    name="tfopt",
    help="Make Keras models smaller and faster, and tell the truth about what that cost.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
MAKE, OPTIMIZE, JUDGE, USE = "Make a model", "Make it smaller", "Judge it", "Use it"
app.command("train", epilog=train.EXAMPLES, rich_help_panel=MAKE)(train.train)
app.command("tune", epilog=tune.EXAMPLES, rich_help_panel=MAKE)(tune.tune)
app.command("build", epilog=build.EXAMPLES, rich_help_panel=MAKE)(build.build)
app.command("prune", epilog=prune.EXAMPLES, rich_help_panel=OPTIMIZE)(prune.prune)
app.command("cluster", epilog=cluster.EXAMPLES, rich_help_panel=OPTIMIZE)(cluster.cluster)
app.command("distill", epilog=distill.EXAMPLES, rich_help_panel=OPTIMIZE)(distill.distill)
app.command("quantize", epilog=quantize.EXAMPLES, rich_help_panel=OPTIMIZE)(quantize.quantize)
app.command("binarize", epilog=binarize.EXAMPLES, rich_help_panel=OPTIMIZE)(binarize.binarize)
app.command("sparsify", epilog=convert.SPARSIFY_EXAMPLES, rich_help_panel=OPTIMIZE)(convert.sparsify)
app.command("convert", epilog=convert.EXAMPLES, rich_help_panel=OPTIMIZE)(convert.convert)
app.command("shootout", epilog=shootout.EXAMPLES, rich_help_panel=MAKE)(shootout.shootout)
app.command("evaluate", epilog=compare.EVALUATE_EXAMPLES, rich_help_panel=JUDGE)(compare.evaluate)
app.command("inspect", epilog=inspect.EXAMPLES, rich_help_panel=JUDGE)(inspect.inspect)
app.command("debug", epilog=debug.EXAMPLES, rich_help_panel=JUDGE)(debug.debug)
app.command("bench", epilog=bench.EXAMPLES, rich_help_panel=JUDGE)(bench.bench)
app.command("compare", epilog=compare.COMPARE_EXAMPLES, rich_help_panel=JUDGE)(compare.compare)

app.command("predict", epilog=predict.EXAMPLES, rich_help_panel=USE)(predict.predict)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tfopt {version('tfopt')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if context.invoked_subcommand is None:
        print(context.get_help())


def _no_text(arguments: list[str]) -> str | None:
    """The first argument that is no text, so that it could not be in a report, as it can be printed."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            return os.fsencode(argument).decode(errors="backslashreplace")
    return None


def run(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments` (default: those of the process) and return the exit code."""
    odd = _no_text(sys.argv[1:] if arguments is None else arguments)
    if odd is not None:
        print(f"error: {odd} is not {sys.getfilesystemencoding()}; give the file another name", file=sys.stderr)
        return 2
    try:
        return app(arguments, prog_name="tfopt", standalone_mode=False) or 0
    except typer.Abort:  # what Typer makes of an interruption before the command begins
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        return 2
