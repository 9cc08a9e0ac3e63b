"""Help pages: a line of usage, a sentence, panels of options or commands, examples.

They look as Typer's do, which takes several times as long for one: it imports what renders Markdown and source code.
"""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

EXAMPLES = "Examples:"
LAST_PANELS = ("Training", "Start from another model", "On several devices", "Data", "Run and output")
RED, YELLOW, BOLD, DIM, CYAN = "31", "33", "1", "2", "36"
STYLES = (RED, "1;36", "1;32", "1;35", "1;33", "")  # of the columns of a panel
LEAST_HELP = 0.45  # of the width of a panel
UNBROKEN = "\N{NO-BREAK SPACE}"


class Row(NamedTuple):
    """A command, an argument or an option: what it is called, what it takes, what it is for."""

    name: str
    help: str
    short: str = ""
    negative: str = ""
    metavar: str = ""
    default: str = ""
    required: bool = False


def show(usage: str, text: str, panels: Mapping[str, Sequence[Row]], examples: Sequence[str] = ()) -> None:
    """Print a page on stdout; panels with options that many commands have come last."""
    width = shutil.get_terminal_size().columns
    lines = ["", f" {_styled('Usage:', YELLOW)} {_styled(usage, BOLD)}", ""]
    lines += [f" {line}" for line in textwrap.wrap(text, width - 2)]
    lines.append("")
    for title in sorted(panels, key=lambda title: LAST_PANELS.index(title) if title in LAST_PANELS else -1):
        lines += _panel(title, panels[title], width) if panels[title] else []
    for line in (EXAMPLES, *examples) if examples else ():
        lines += ["", f" {_highlighted(line)}"]
    print(*lines, "", sep="\n")


def _panel(title: str, rows: Sequence[Row], width: int) -> Iterator[str]:
    line, corners, side = ("─", "╭╮╰╯", "│") if _unicode() else ("-", "++++", "|")
    yield _styled(f"{corners[0]}{line} {title} {line * (width - len(title) - 5)}{corners[1]}", DIM)
    cells = [("*" * row.required, row.name, row.short, row.negative, row.metavar, _told(row)) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(STYLES) - 1)]
    most = int((width - 4) * (1 - LEAST_HELP)) - sum(2 + column for column in widths[:-1] if column)
    widths[-1] = min(widths[-1], max(most, 12))
    widths.append(width - 4 - sum(2 + column for column in widths if column))
    for row in cells:
        wrapped = [_folded(cell, column) for cell, column in zip(row, widths, strict=True) if column]
        styles = [style for style, column in zip(STYLES, widths, strict=True) if column]
        for parts in zip_longest(*wrapped, fillvalue=""):
            padded = zip(
                (part.ljust(column) for part, column in zip(parts, filter(None, widths), strict=True)),
                styles,
                strict=True,
            )
            shown = "  ".join(_styled(part, style) if style else _highlighted(part) for part, style in padded)
            yield f"{_styled(side, DIM)} {shown} {_styled(side, DIM)}"
    yield _styled(f"{corners[2]}{line * (width - 2)}{corners[3]}", DIM)


def _told(row: Row) -> str:
    """Return the help of a row and its default, which stays on one line."""
    ending = "[required]" if row.required else row.default and f"[default: {row.default}]"
    return f"{row.help} {ending.replace(' ', UNBROKEN)}"


def _folded(text: str, width: int) -> list[str]:
    """Return lines that are not longer than `width`; a set of words is broken between them."""
    words = text.replace("|", "| ") if " " not in text else text
    lines = textwrap.wrap(words, width, break_on_hyphens=False)
    return [line.replace("| ", "|") if words is not text else line.replace(UNBROKEN, " ") for line in lines]


def _highlighted(text: str) -> str:
    text = re.sub(r"(?<![\w-])--?[a-z][\w-]*", lambda found: _styled(found[0], CYAN), text)
    return re.sub(r"\[(default: .*|required)\]", lambda found: _styled(found[0], DIM), text)


def _styled(text: str, style: str) -> str:
    colored = "NO_COLOR" not in os.environ and (
        "FORCE_COLOR" in os.environ or (sys.stdout.isatty() and os.name != "nt")
    )
    return f"\x1b[{style}m{text}\x1b[0m" if colored and text.strip() else text


def _unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
