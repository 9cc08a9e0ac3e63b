"""The only place that prints: the report goes to stdout, everything else to stderr."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import typer
from pydantic import BaseModel

from tfopt.cli.flags import Flags
from tfopt.config.fields import Config
from tfopt.config.run import RunConfig
from tfopt.errors import InputError, TfoptError
from tfopt.report.printable import Printable, listed, printable
from tfopt.runtime import signals, standard_streams
from tfopt.runtime.imports import import_module
from tfopt.runtime.native_code import check_address_space, native_log_hidden
from tfopt.runtime.progress import Advance
from tfopt.runtime.temporary_files import redirect_tempdir

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tfopt.report.plan import Plan
    from tfopt.report.schema import Report

Shown = TypeVar("Shown", bound=BaseModel)
MOST_SAID = 1000  # characters of a sentence
TENSORFLOW_MODULES = 4200  # about as many as the import adds to sys.modules; only the progress bar depends on it


class Output:
    """Shows what a command has to say, and ends it: as a context it turns errors into a sentence and an exit code.

    Args:
        flags: How the command spells the fields that sentences name.
        run: What is to be printed.
    """

    def __init__(self, flags: Flags, run: Config | None) -> None:
        assert isinstance(run, RunConfig)
        self.flags = flags
        self.run = run
        self.on_failure = "nothing was written"
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not self.run.verbose:
            self._stack.enter_context(native_log_hidden())
        from rich.console import Console

        from tfopt.report.progress_bars import ProgressBars

        self._errors = Console(stderr=True, highlight=False)
        self._bars = ProgressBars(self._errors, hidden=self.run.quiet or not self._errors.is_terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        try:
            if error is not None and not self.run.debug and not isinstance(error, typer.Exit):
                sentence, code = self._ending(error)
                if sentence:
                    self._tell(sentence, "error:")
                    raise typer.Exit(code) from None
        finally:
            self._stack.close()

    def _ending(self, error: BaseException) -> tuple[str, int]:
        """Return what to say of an error, nothing if it is none of ours, and the exit code."""
        if stopped := signals.received_signal() or (isinstance(error, KeyboardInterrupt) and ("interrupted", 130)):
            return f"{stopped[0]}; {self.on_failure}", stopped[1]
        match error:
            case TfoptError():
                return str(error), error.exit_code
            case MemoryError():
                what = "there is not enough memory"
            case OSError():
                what = f"{error.strerror or error}: {error.filename or 'input or output'}"
            case Exception():
                line = " ".join(str(error).split())[:300]
                what = f"unexpected {type(error).__name__}: {line} (--debug shows where)"
            case _:
                return "", 0
        return f"{what}; {self.on_failure}", 2

    def _tell(self, sentence: str, title: str = "") -> None:
        from rich.text import Text

        line = printable(self.flags.translate(sentence))
        line = line if len(line) <= MOST_SAID else f"{line[: MOST_SAID - 3]}..."
        with contextlib.suppress(OSError):  # nobody can be told where there is no room for it
            self._errors.print(Text.assemble((title, "bold red"), " " if title else "", line), soft_wrap=True)

    def say(self, sentence: str) -> None:
        """Print one sentence on stderr, unless quiet."""
        if not self.run.quiet:
            self._tell(sentence)

    def task(self, description: str, total: int | None) -> AbstractContextManager[Advance]:
        """Show a bar with the time that is left while the context lasts (see `tfopt.runtime.progress.Progress`)."""
        return self._bars.task(description, total)

    def load_tensorflow(self) -> None:
        """Import TensorFlow and Keras, which takes seconds, then custom objects."""
        check_address_space()
        self._stack.enter_context(redirect_tempdir())
        try:
            import_module("tfopt.api", self, "loading TensorFlow", TENSORFLOW_MODULES)
        except Exception as error:
            raise InputError(f"TensorFlow and Keras cannot be loaded: {error}") from error
        if self.run.custom_objects:
            from tfopt.formats.keras.custom_objects import register_custom_objects

            register_custom_objects(self.run.custom_objects)

    def report(self, report: "Report", written: Sequence[Path] = ()) -> None:
        """Print the report of a command, which wrote the files `written`; exit with 1 if a limit does not hold."""
        from tfopt.report.terminal import render_report

        self.show_made(report, partial(render_report, everything=self.run.verbose), written, passed=report.passed)

    def show_made(
        self, report: Shown, render: "Callable[[Shown], RenderableType]", written: Sequence[Path], *, passed: bool
    ) -> None:
        """Print what a command that wrote the files `written` has to say; exit with 1 if a limit does not hold."""
        names = listed(written) if written else ""
        self.on_failure = f"{names} had been written" if written else self.on_failure
        self.show(report, render)
        if written:
            self.say(f"wrote {names}")
        if not passed:
            raise typer.Exit(1)

    def show_plan(self, plan: "Plan", written: Sequence[Path]) -> None:
        """Print what a command would do, and the files that it would write."""
        from tfopt.report.plan import render_plan

        self.show(plan.model_copy(update={"output": tuple(map(str, written))}), render_plan)

    def show(self, report: Shown, render: "Callable[[Shown], RenderableType]") -> None:
        """Print a report on stdout, as `render` has it or as JSON."""
        report = self.flags.translate_record(report)
        with contextlib.suppress(BrokenPipeError):  # told by `flush_stdout`, too
            if self.run.as_json:
                sys.stdout.buffer.write(f"{report.model_dump_json(indent=2)}\n".encode())  # RFC 8259: JSON is UTF-8
            elif not self.run.quiet:
                from rich.console import Console

                console = Console(highlight=False)
                with console.capture() as printed:  # rich itself would end with exit code 1, that of a failed gate
                    console.print(Printable(render(report)))
                sys.stdout.write(printed.get())
        standard_streams.flush_stdout()
