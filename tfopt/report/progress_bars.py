"""Bars on the terminal for work that takes a while, with the time that is left."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tfopt.report.printable import printable
from tfopt.runtime.progress import Advance


class ProgressBars:
    """Draws a bar for each task while it lasts.

    Args:
        console: Where it draws.
        hidden: Whether nothing is drawn.
    """

    def __init__(self, console: Console, *, hidden: bool) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("elapsed", style="dim"),
            TimeElapsedColumn(),
            TextColumn("left", style="dim"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=hidden,
        )

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar while the context lasts (see `tfopt.runtime.progress.Progress`)."""
        self._bars.start()
        bar = self._bars.add_task(printable(description), total=total, detail="")

        def advance(steps: int = 1, detail: str = "") -> None:
            self._bars.update(bar, advance=steps, detail=printable(detail))

        try:
            yield advance
        finally:
            self._bars.remove_task(bar)

    def stop(self) -> None:
        """Draw nothing any more."""
        self._bars.stop()
