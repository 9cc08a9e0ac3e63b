"""The only place that prints: the report goes to stdout, everything else to stderr."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import typer
from pydantic import BaseModel

from tfopt.cli.flags import Flags
from tfopt.errors import InputError, TfoptError
from tfopt.report.printable import Printable, printable
from tfopt.runtime import signals, standard_streams
from tfopt.runtime.native_code import check_address_space, native_log_hidden
from tfopt.runtime.progress import Advance
from tfopt.runtime.temporary_files import redirect_tempdir

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tfopt.report.schema import Report

Shown = TypeVar("Shown", bound=BaseModel)
MOST_SAID = 1000  # characters of a sentence
TENSORFLOW_MODULES = 4200  # about as many as the import adds to sys.modules; only the progress bar depends on it


class Output:
    """What a command shows, and how it ends: as a context it turns errors into a sentence and an exit code.

    Args:
        flags: How the command spells the fields that sentences name.
        custom_objects: Where layers of the user come from.
        json: Print the report as one JSON object.
        quiet: Print neither report nor progress.
        verbose: Show every layer, and what TensorFlow logs.
        debug: Let errors through, so that Python shows where they come from.
    """

    def __init__(
        self,
        flags: Flags,
        *,
        custom_objects: str | None = None,
        json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        debug: bool = False,
    ) -> None:
        self.flags = flags
        self.custom_objects = custom_objects
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.debug = debug
        self.on_failure = "nothing was written"
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not self.verbose:
            self._stack.enter_context(native_log_hidden())
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._errors = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("left", style="dim"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=self._errors,
            transient=True,
            disable=self.quiet or not self._errors.is_terminal,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        try:
            if error is not None and not self.debug and not isinstance(error, typer.Exit):
                sentence, code = self._ending(error)
                if sentence:
                    self.fail(sentence)
                    raise typer.Exit(code) from None
        finally:
            self._stack.close()

    def _ending(self, error: BaseException) -> tuple[str, int]:
        """Return what to say of an error, nothing if it is none of ours, and the exit code."""
        stopped = signals.received_signal() or (("interrupted", 130) if isinstance(error, KeyboardInterrupt) else None)
        if stopped:
            return f"{stopped[0]}; {self.on_failure}", stopped[1]
        match error:
            case TfoptError():
                return str(error), error.exit_code
            case MemoryError():
                return f"there is not enough memory; {self.on_failure}", 2
            case OSError():
                return f"{error.strerror or error}: {error.filename or 'input or output'}; {self.on_failure}", 2
            case Exception():
                line = " ".join(str(error).split())[:300]
                return f"unexpected {type(error).__name__}: {line} (--debug shows where); {self.on_failure}", 2
        return "", 0

    def fail(self, sentence: str) -> None:
        """Print one sentence on stderr."""
        from rich.text import Text

        line = printable(self.flags.translate(sentence))
        line = line if len(line) <= MOST_SAID else f"{line[: MOST_SAID - 3]}..."
        with contextlib.suppress(OSError):  # nobody can be told where there is no room for it
            self._errors.print(Text.assemble(("error:", "bold red"), f" {line}"), soft_wrap=True)

    def say(self, sentence: str) -> None:
        """Print one sentence on stderr, unless quiet."""
        with contextlib.suppress(OSError):
            if not self.quiet:
                self._errors.print(printable(self.flags.translate(sentence)), soft_wrap=True, markup=False)

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar with the time that is left while the context lasts (see `tfopt.runtime.progress.Progress`)."""
        self._progress.start()
        bar = self._progress.add_task(printable(description), total=total, detail="")

        def advance(steps: int = 1, detail: str = "") -> None:
            self._progress.update(bar, advance=steps, detail=printable(detail))

        try:
            yield advance
        finally:
            self._progress.remove_task(bar)

    def load_tensorflow(self) -> None:
        """Import TensorFlow and Keras, which takes seconds, with a bar that counts the modules, then custom objects."""
        check_address_space()
        self._stack.enter_context(redirect_tempdir())
        before, done = len(sys.modules), threading.Event()
        with self.task("loading TensorFlow", TENSORFLOW_MODULES) as advance:

            def watch() -> None:
                shown = 0
                while not done.wait(0.1):
                    count = len(sys.modules) - before
                    advance(count - shown)
                    shown = count

            watcher = threading.Thread(target=watch, daemon=True)
            watcher.start()
            try:
                import tfopt.api  # noqa: F401
            except Exception as error:
                raise InputError(f"TensorFlow and Keras cannot be loaded: {error}") from error
            finally:
                done.set()
                watcher.join()
        if self.custom_objects:
            from tfopt.formats.keras.custom_objects import register_custom_objects

            register_custom_objects(self.custom_objects)

    def report(self, report: "Report", written: Sequence[Path] = ()) -> None:
        """Print the report of a command; `written` are the files that are there by now.

        Raises:
            typer.Exit: With exit code 1, if a limit does not hold.
        """
        if written:
            self.on_failure = f"{' and '.join(map(str, written))} had been written"
        from tfopt.report.terminal import render_report

        self.show(report, partial(render_report, everything=self.verbose))
        if written:
            self.say(f"wrote {' and '.join(map(str, written))}")
        if not report.passed:
            raise typer.Exit(1)

    def show(self, report: Shown, render: "Callable[[Shown], RenderableType]") -> None:
        """Print a report on stdout, as `render` has it or as JSON."""
        report = self.flags.translate_record(report)
        with contextlib.suppress(BrokenPipeError):  # told by `flush_stdout`, too
            if self.json:
                sys.stdout.buffer.write(f"{report.model_dump_json(indent=2)}\n".encode())  # RFC 8259: JSON is UTF-8
            elif not self.quiet:
                from rich.console import Console

                console = Console(highlight=False)
                with console.capture() as printed:  # rich itself would end with exit code 1, that of a failed gate
                    console.print(Printable(render(report)))
                sys.stdout.write(printed.get())
        standard_streams.flush_stdout()
