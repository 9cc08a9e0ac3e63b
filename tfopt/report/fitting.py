"""A choice of tables: on a narrow terminal the first one that fits without breaking what must not be broken."""

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment


class Fitting:
    """Shows the first of several renderables that is not wider than the terminal; the last if none is.

    A column that must not be broken has a `min_width`: a table that cannot keep to it gets too wide.
    """

    def __init__(self, *choices: RenderableType) -> None:
        self.choices = choices

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Try each in turn."""
        fitting = (one for one in self.choices if _width(console, options, one) <= options.max_width)
        yield next(fitting, self.choices[-1])


def _width(console: Console, options: ConsoleOptions, shown: RenderableType) -> int:
    lines = Segment.split_lines(console.render(shown, options))
    return max(map(Segment.get_line_length, lines), default=0)
