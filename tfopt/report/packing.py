"""The bytes of `.tflite` files before and after they were packed: the plain data, and a table for a person."""

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.figures import EMPTY, relative
from tfopt.report.gate_lines import gate_line
from tfopt.report.record import Record
from tfopt.report.schema import GateResult

TOTAL = "file"


class PackedFile(Record):
    """One file: its bytes by what they are for, which add up to its size, before and after it was packed.

    Attributes:
        name: Its name.
        before: Its bytes by kind.
        after: The same when it is packed.
        agreed: On how many random inputs both answer bit by bit alike in LiteRT.
        left: Why it was left as it is; nothing if it was packed.
        told: Sentences on the form that a target stores it in, if it was stored so.
        gates: The limits that it was held to.
        output: Where it was written.
    """

    name: str
    before: dict[str, int]
    after: dict[str, int]
    agreed: int = 0
    left: str = ""
    told: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    output: str | None = None

    @property
    def note(self) -> str:
        """Say what was done, in a sentence."""
        if self.told:
            return f"{self.name}: {'; '.join(self.told)}"
        if self.left:
            return f"{self.name} was not packed: {self.left}"
        sizes = f"{sum(self.before.values()):,} to {sum(self.after.values()):,} bytes"
        nameless = self.after.get("names", 0) < self.before.get("names", 0)
        return (
            f"{self.name} was packed, {sizes}, and answers {self.agreed} random inputs bit by bit as before"
            f"{'; `keep_names` keeps the names of its tensors' if nameless else ''}"
        )


class PackingReport(Record):
    """All files of a command."""

    files: list[PackedFile]
    notes: list[str]
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Return whether all limits hold."""
        return all(gate.passed for one in self.files for gate in one.gates)


def render_packing(report: PackingReport) -> RenderableType:
    """Return the tables for `rich.console.Console.print`."""
    parts: list[RenderableType] = [Text("tfopt pack", style="bold"), *map(_table, report.files)]
    parts += [Text(gate_line(gate)) for one in report.files for gate in one.gates]
    parts += [Text(f"note: {note}") for note in report.notes]
    return Group(*parts)


def _table(one: PackedFile) -> Table:
    """Make a row for each kind of bytes, most first."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column(escape(one.name), overflow="fold")
    for title in ("before", "after", ""):
        table.add_column(title, justify="right")
    kinds = {kind: (one.before.get(kind, 0), one.after.get(kind, 0)) for kind in {**one.before, **one.after}}
    rows = [(TOTAL, (sum(one.before.values()), sum(one.after.values())))]
    rows += sorted(kinds.items(), key=lambda row: row[1], reverse=True)
    for kind, (before, after) in rows:
        table.add_row(kind, *(f"{count:,}" if count else EMPTY for count in (before, after)), _change(before, after))
    return table


def _change(before: int, after: int) -> str:
    return relative((after - before) / before).strip() if before and after != before else ""
