"""The command line: flags become a config, the report becomes something a person reads.

Nothing heavy is imported before a command runs, and for the list of commands not even Typer, so that help is instant.
"""

import os
import sys

LIST = ((), ("-h",), ("--help",))
COMPLETION = "_TFOPT_COMPLETE"  # is set by a shell that asks how a line could go on


def run(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments` (default: those of the process) and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if tuple(arguments) in LIST and COMPLETION not in os.environ:
        from tfopt.cli.commands import show_list

        show_list()
        return 0
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:  # it could not be in a report
            printed = os.fsencode(argument).decode(errors="backslashreplace")
            return _refused(f"{printed} is not {sys.getfilesystemencoding()}; give the file another name")
    import typer

    from tfopt.cli.application import application
    from tfopt.errors import TfoptError

    try:
        return application(arguments, prog_name="tfopt", standalone_mode=False) or 0
    except typer.Abort:  # what Typer makes of an interruption before the command begins
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        from tfopt.cli.hints import hint

        return _refused(hint(error.format_message()))
    except TfoptError as error:  # a technique of another package that cannot be imported
        return _refused(str(error))


def _refused(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
