"""A report as Markdown, for the comment of a pull request: warnings, the table of all artifacts, limits and notes."""

from rich.text import Text

from tfopt.report.cells import BASELINE, ROWS, pairs_of
from tfopt.report.figures import EMPTY
from tfopt.report.gate_lines import gate_line, lock_line
from tfopt.report.schema import Report


def markdown_text(report: Report) -> str:
    """Return the Markdown of a report."""
    pairs = pairs_of(report)
    lines = [f"### tfopt {report.command}", ""]
    lines += [line for warning in report.warnings for line in (f"**WARNING: {warning}**", "")]
    lines += [_row("", *(m.name for m, _ in pairs)), "|---" * (len(pairs) + 1) + "|"]
    for label, cell in ROWS:
        cells = [cell(*pair) for pair in pairs]
        if any(text not in (EMPTY, BASELINE) for text in cells):
            lines.append(_row(label, *(Text.from_markup(text).plain for text in cells)))
    lines.append("")
    lines += [f"- {gate_line(gate)}" for gate in report.gates]
    lines += [f"- {lock_line(check)}" for check in report.lock]
    lines += [f"- note: {note}" for note in report.notes]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
