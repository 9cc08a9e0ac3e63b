"""Characters that steer a terminal are left out of what is shown: it comes out of files of strangers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult


def printable(text: str) -> str:
    """The text with blanks for what has no shape of its own."""
    return "".join(c if c.isprintable() else " " for c in text)


def listed(names: "Sequence[object]") -> str:
    """Names as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


class Printable:
    """A table or the like, of which only what can be seen is printed."""

    def __init__(self, shown: "RenderableType") -> None:
        self.shown = shown

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """The same segments; their styles are rich's own."""
        from rich.segment import Segment

        for segment in console.render(self.shown, options):
            steers = not segment.control and not segment.text.replace("\n", "").isprintable()
            lines = segment.text.split("\n") if steers else []
            yield Segment("\n".join(map(printable, lines)), segment.style) if steers else segment
