"""The tables of an inspection: the layers of a model, then what can be done with each, with the reasons below."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.figures import EMPTY, format_size
from tfopt.report.inspection import Inspection, LayerFacts, Verdict
from tfopt.report.ports import described


def render_inspection(found: Inspection) -> RenderableType:
    """Return the tables for `rich.console.Console.print`."""
    parts: list[RenderableType] = [
        Text(f"tfopt inspect · {found.name} ({format_size(found.file_bytes)})", style="bold")
    ]
    parts += [Text(line) for line in _made(found)]
    if found.layers:
        parts += [_layers(found), *_techniques(found.layers)]
    if found.operations:
        parts += [_operations(found), _tensors(found)]
    parts += [Text(line) for line in _totals(found)]
    parts += [Text(f"note: {note}") for note in found.notes]
    return Group(*parts)


def _made(found: Inspection) -> list[str]:
    sides = (("takes", found.inputs), ("gives", found.outputs))
    lines = [f"{word} {described(port)}" for word, ports in sides for port in ports]
    if found.origin is None:
        return [*lines, "does not say how it was made"]
    origin = found.origin
    if origin.data:
        classes = f", {origin.num_classes} classes" if origin.num_classes else ""
        lines.append(f"made for {origin.data} ({origin.task}{classes})")
    if origin.history:
        lines.append(f"made by tfopt {', then '.join(step.command for step in origin.history)}")
    return lines


def _shape(shape: Sequence[int | None]) -> str:
    return "x".join("?" if extent is None else str(extent) for extent in shape)


def _table(words: int, *columns: str) -> Table:
    """Make a table of `columns`, of which the first `words` hold words and the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="left" if number < words else "right")
    return table


def _layers(found: Inspection) -> Table:
    """Make a row for each layer; zeros and types of weights are left out where no layer differs from the others."""
    sparse = any(layer.sparsity for layer in found.layers)
    mixed = len(_types(found)) > 1
    columns = ["output", "parameters", "MACs", "bytes", *["zeros"] * sparse, *["type"] * mixed]
    table = _table(1, "layer", *columns)
    for layer in found.layers:
        cells = [
            " and ".join(_shape(shape[1:]) for shape in layer.output_shapes) or EMPTY,
            f"{layer.parameters:,}" if layer.parameters else EMPTY,
            f"{layer.macs:,}" if layer.macs else EMPTY,
            f"{layer.bytes:,}" if layer.bytes else EMPTY,
            *[f"{layer.sparsity:.1%}" if layer.sparsity else EMPTY] * sparse,
            *[", ".join(layer.dtypes) or EMPTY] * mixed,
        ]
        table.add_row(f"{escape(layer.layer)} [dim]{layer.kind}[/]", *cells)
    return table


def _types(found: Inspection) -> list[str]:
    return sorted({dtype for layer in found.layers for dtype in layer.dtypes})


def _techniques(layers: Sequence[LayerFacts]) -> list[RenderableType]:
    """Make a row for each layer with weights; each reason is said once, below, by its number."""
    shown = list(dict.fromkeys(technique for layer in layers for technique in layer.techniques))
    if not shown:
        return []
    reasons: dict[str, int] = {}
    table = _table(len(shown) + 1, "layer", *shown)
    for layer in layers:
        if layer.techniques:
            table.add_row(escape(layer.layer), *(_cell(layer.techniques.get(one), reasons) for one in shown))
    return [table, *(Text(f"{number}: {reason}") for reason, number in reasons.items())]


def _cell(verdict: Verdict | None, reasons: dict[str, int]) -> str:
    if verdict is None:
        return EMPTY
    number = reasons.setdefault(verdict.detail, len(reasons) + 1)
    return f"[green]yes[/] [dim]{number}[/]" if verdict.can else f"[yellow]no[/] [dim]{number}[/]"


def _operations(found: Inspection) -> Table:
    table = _table(2, "operation", "gives", "count", "MACs")
    for one in found.operations:
        table.add_row(one.kind, one.output_type, str(one.count), f"{one.macs:,}" if one.macs else EMPTY)
    return table


def _tensors(found: Inspection) -> Table:
    table = _table(1, "constants", "count", "values", "not zero", "bytes")
    for one in found.tensors:
        table.add_row(one.type, str(one.count), f"{one.values:,}", f"{one.nonzero:,}", f"{one.bytes:,}")
    return table


def _totals(found: Inspection) -> list[str]:
    macs = "unknown: a size or the length of a loop is not fixed" if found.macs is None else f"{found.macs:,}"
    if found.unattributed_macs:
        macs += f", {found.unattributed_macs:,} of them in no layer"
    zeros = 1 - found.nonzero_parameters / max(1, found.parameters)
    types = f" ({', '.join(_types(found))})" if _types(found) else ""
    return [f"{found.parameters:,} parameters{types}, {zeros:.1%} of them zero; MACs of one sample: {macs}"]
