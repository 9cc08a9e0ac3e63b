"""Help pages: a line of usage, a sentence, panels of options or commands, examples.

They look as Typer's do, which takes several times as long for one: it imports what renders Markdown and source code.
"""

import contextlib
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, zip_longest
from typing import NamedTuple

EXAMPLES = "Examples:"
LAST_PANELS = ("Training", "Start from another model", "On several devices", "Data", "Run and output")
YELLOW, BOLD, DIM, CYAN = "33", "1", "2", "36"
STYLES = ("31", "1;36", "1;32", "1;35", "1;33")  # of the columns of a panel before the help
LEAST_WIDTH, LEAST_HELP = 72, 0.45  # of a page, and of the panel
UNBROKEN = "\N{NO-BREAK SPACE}"


class Row(NamedTuple):
    """A command, an argument or an option: what it is called, what it is for, what it takes."""

    name: str
    help: str
    short: str = ""
    negative: str = ""
    metavar: str = ""
    default: str = ""
    required: bool = False


def show(usage: str, text: str, panels: Mapping[str, Sequence[Row]], examples: Sequence[str] = ()) -> None:
    """Print a page on stdout; panels with options that many commands have come last."""
    width = max(shutil.get_terminal_size().columns, LEAST_WIDTH)
    lines = ["", f" {_styled('Usage:', YELLOW)} {_styled(usage, BOLD)}", ""]
    lines += [f" {line}" for line in textwrap.wrap(text, width - 2)] + [""]
    for title in sorted(panels, key=lambda title: LAST_PANELS.index(title) if title in LAST_PANELS else -1):
        lines += _panel(title, panels[title], width) if panels[title] else []
    for line in (EXAMPLES, *examples) if examples else ():
        lines += ["", f" {_highlighted(line)}"]
    with contextlib.suppress(BrokenPipeError):  # nobody reads any more
        print(*lines, "", sep="\n")


def _panel(title: str, rows: Sequence[Row], width: int) -> Iterator[str]:
    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    line, corners, side = ("─", "╭╮╰╯", "│") if unicode else ("-", "++++", "|")
    cells = [("*" * row.required, row.name, row.short, row.negative, row.metavar) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(STYLES))]
    most = int((width - 4) * (1 - LEAST_HELP)) - sum(2 + column for column in widths[:-1] if column)
    widths[-1] = min(widths[-1], max(most, 12))
    left = max(width - 4 - sum(2 + column for column in widths if column), 10)
    yield _styled(f"{corners[0]}{line} {title} {line * (width - len(title) - 5)}{corners[1]}", DIM)
    for row, shown in zip(rows, cells, strict=True):
        wrapped = [_folded(cell, column) for cell, column in zip(shown, widths, strict=True) if column]
        for *parts, told in zip_longest(*wrapped, _told(row, left), fillvalue=""):
            padded = zip(parts, filter(None, widths), compress(STYLES, widths), strict=True)
            styled = [_styled(part.ljust(column), style) for part, column, style in padded]
            yield "  ".join([f"{_styled(side, DIM)} {styled[0]}", *styled[1:], _highlighted(told.ljust(left))]) + (
                f" {_styled(side, DIM)}"
            )
    yield _styled(f"{corners[2]}{line * (width - 2)}{corners[3]}", DIM)


def _told(row: Row, width: int) -> list[str]:
    """Return the help of a row and its default, which stays on one line."""
    ending = "[required]" if row.required else row.default and f"[default: {row.default}]"
    lines = textwrap.wrap(f"{row.help} {ending.replace(' ', UNBROKEN)}", width, break_on_hyphens=False)
    return [line.replace(UNBROKEN, " ") for line in lines]


def _folded(metavar: str, width: int) -> list[str]:
    """Return lines that are not longer than `width`; a set of words is broken between them."""
    return re.findall(rf".{{1,{width}}}$|.{{0,{width - 1}}}\||.{{1,{width}}}", metavar)


def _highlighted(text: str) -> str:
    text = re.sub(r"(?<![\w-])--?[a-z][\w-]*", lambda found: _styled(found[0], CYAN), text)
    return re.sub(r"\[(default: .*|required)\]", lambda found: _styled(found[0], DIM), text)


def _styled(text: str, style: str) -> str:
    is_terminal = sys.stdout.isatty() and os.name != "nt"
    colored = "NO_COLOR" not in os.environ and ("FORCE_COLOR" in os.environ or is_terminal)
    return f"\x1b[{style}m{text}\x1b[0m" if colored and text.strip() else text
