"""The plan of a command or a recipe: what would be done to each layer. Nothing has been trained or written for it."""

from pydantic import Field
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tfopt.report.printable import listed
from tfopt.report.record import Record
from tfopt.typing import Json


class PlannedLayer(Record):
    """A layer, whether it would be changed, and how, or why not."""

    layer: str
    kind: str
    weights: int
    changed: bool
    detail: str


class PlannedStep(Record):
    """A technique, what it is asked for, and its layers; none if it does not go by layers. `summary` is its help."""

    technique: str
    summary: str
    config: Json
    layers: list[PlannedLayer]


class Plan(Record):
    """The steps that would be taken on a model, with the data that they would use, and the files they would write."""

    model: str
    data: str | None
    steps: list[PlannedStep]
    output: tuple[str, ...] = ()
    notes: list[str] = Field(default_factory=list)


def render_plan(plan: Plan) -> RenderableType:
    """Return the plan for `rich.console.Console.print`, with every layer."""
    data = f" with {plan.data}" if plan.data else " without data"
    parts: list[RenderableType] = [Text(f"plan for {plan.model}{data}", style="bold")]
    for number, step in enumerate(plan.steps, 1):
        asked = ", ".join(f"{name} {value}" for name, value in step.config.items())
        title = f"{number}. {step.technique}" + (f" ({asked})" if asked else "")
        parts += [Text(title, style="bold"), _layers(step) if step.layers else Text(f"the whole model: {step.summary}")]
    parts += [Text(f"note: {note}") for note in plan.notes]
    if plan.output:
        parts.append(Text(f"would write {listed(plan.output)}; nothing was trained or written"))
    return Group(*parts)


def _layers(step: PlannedStep) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in ("layer", "kind"):
        table.add_column(column, overflow="fold")
    table.add_column("weights", justify="right")
    table.add_column("what would be done", overflow="fold")
    for layer in step.layers:
        detail = layer.detail if layer.changed else f"left alone: {layer.detail}"
        style = "" if layer.changed else "dim"
        table.add_row(escape(layer.layer), layer.kind, f"{layer.weights:,}", escape(detail), style=style)
    return table
