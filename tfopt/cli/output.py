"""The only place that prints: the report goes to stdout, everything else to stderr."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from tfopt.cli import noise
from tfopt.cli.limits import check_memory
from tfopt.cli.printable import Printable, printable
from tfopt.errors import InputError, TfoptError
from tfopt.runtime import signals, standard_streams
from tfopt.runtime.progress import Advance
from tfopt.runtime.temporary_files import redirect_tempdir

if TYPE_CHECKING:
    from pydantic import ValidationError
    from rich.console import RenderableType

    from tfopt.report.benchmarks import BenchReport
    from tfopt.report.inspection import Inspection
    from tfopt.report.predictions import Predictions
    from tfopt.report.schema import Record, Report
    from tfopt.report.shootout import ShootoutReport

MOST_SAID = 1000  # characters of a sentence
TENSORFLOW_MODULES = 4200  # about as many as the import adds to sys.modules; only the progress bar depends on it


class Output:
    """What a command shows, and how it ends: as a context it turns errors into a sentence and an exit code."""

    def __init__(self, *, json: bool = False, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.debug = debug
        self.on_failure = "nothing was written"
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not self.verbose:
            self._stack.enter_context(noise.hidden())
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
            if error is not None and not self.debug:
                self._end(error)
        finally:
            self._stack.close()

    def _end(self, error: BaseException) -> None:
        stopped = signals.received_signal() or (("interrupted", 130) if isinstance(error, KeyboardInterrupt) else None)
        if stopped and not isinstance(error, typer.Exit):
            self.fail(f"{stopped[0]}; {self.on_failure}")
            raise typer.Exit(stopped[1]) from None
        from pydantic import ValidationError

        match error:
            case TfoptError():
                self.fail(str(error))
                raise typer.Exit(error.exit_code) from None
            case ValidationError():
                self.fail(_sentence(error))
                raise typer.Exit(2) from None
            case MemoryError():
                self.fail(f"there is not enough memory; {self.on_failure}")
                raise typer.Exit(2) from None
            case OSError():
                self.fail(f"{error.strerror or error}: {error.filename or 'input or output'}; {self.on_failure}")
                raise typer.Exit(2) from None
            case Exception() if not isinstance(error, typer.Exit):
                line = " ".join(str(error).split())[:300]
                self.fail(f"unexpected {type(error).__name__}: {line} (--debug shows where); {self.on_failure}")
                raise typer.Exit(2) from None

    def fail(self, sentence: str) -> None:
        """Print one sentence on stderr."""
        from rich.text import Text

        with contextlib.suppress(OSError):  # nobody can be told where there is no room for it
            self._errors.print(Text.assemble(("error:", "bold red"), f" {_printable(sentence)}"), soft_wrap=True)

    def say(self, sentence: str) -> None:
        """Print one sentence on stderr, unless quiet."""
        with contextlib.suppress(OSError):
            if not self.quiet:
                self._errors.print(printable(sentence), soft_wrap=True, markup=False)

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

    def load_tensorflow(self, custom_objects: str | None = None) -> None:
        """Import TensorFlow and Keras, which takes seconds, with a bar that counts the modules, then custom objects."""
        check_memory()
        self._stack.enter_context(redirect_tempdir())
        done = threading.Event()
        before = len(sys.modules)

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
        if custom_objects:
            from tfopt.formats.keras.custom_objects import register_custom_objects

            register_custom_objects(custom_objects)

    def report(self, report: "Report", written: Sequence[Path] = ()) -> None:
        """Print the report on stdout, as a table or as JSON; `written` are the files that are there by now."""
        if written:
            self.on_failure = f"{' and '.join(map(str, written))} had been written"
        from tfopt.report.terminal import render_report

        self._print(report, render_report(report, everything=self.verbose))
        if written:
            self.say(f"wrote {' and '.join(map(str, written))}")

    def benchmarks(self, report: "BenchReport") -> None:
        """Print benchmarks on stdout, as a table or as JSON."""
        from tfopt.report.benchmarks import render_benchmarks

        self._print(report, render_benchmarks(report))

    def shootout(self, report: "ShootoutReport") -> None:
        """Print a comparison of architectures on stdout, as a table or as JSON."""
        from tfopt.report.shootout import render_shootout

        self._print(report, render_shootout(report))

    def predictions(self, report: "Predictions") -> None:
        """Print predictions on stdout, as a table or as JSON."""
        from tfopt.report.predictions import render_predictions

        self._print(report, render_predictions(report))

    def inspection(self, found: "Inspection") -> None:
        """Print what is in a model on stdout, as tables or as JSON."""
        from tfopt.report.inspection_table import render_inspection

        self._print(found, render_inspection(found))

    def _print(self, report: "Record", shown: "RenderableType") -> None:
        with contextlib.suppress(BrokenPipeError):  # told by `flush`, too
            if self.json:
                sys.stdout.buffer.write(f"{report.model_dump_json(indent=2)}\n".encode())  # RFC 8259: JSON is UTF-8
            elif not self.quiet:
                from rich.console import Console

                console = Console(highlight=False)
                with console.capture() as printed:  # rich itself would end with exit code 1, that of a failed gate
                    console.print(Printable(shown))
                sys.stdout.write(printed.get())
        standard_streams.flush_stdout()


def _printable(sentence: str) -> str:
    """One line that does nothing to a terminal, whatever names and values out of a file are in it."""
    line = printable(sentence)
    return line if len(line) <= MOST_SAID else f"{line[: MOST_SAID - 3]}..."


def _sentence(error: "ValidationError") -> str:
    """The first complaint of pydantic, in the words of the command line."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    option = "--" + str(first["loc"][0]).replace("_", "-")
    return f"{option} {first['input']} is out of range: {message[0].lower()}{message[1:]}"
