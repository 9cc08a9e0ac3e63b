"""The options of structured pruning."""

from typing import Annotated

import typer

from tfopt.config.choices import Importance, Structure
from tfopt.errors import InputError
from tfopt.typing import Options

PANEL = {"rich_help_panel": "With --structured", "show_default": False}
SHARE = {"metavar": "FRACTION", **PANEL}
COUNT = {"metavar": "N", **PANEL}

StructuredOption = Annotated[
    Structure | None,
    typer.Option(
        "--structured",
        help="Remove filters, units, attention heads (auto: all three) or whole residual blocks (layers), not weights.",
        **PANEL,
    ),
]
ByGroup = Annotated[
    bool,
    typer.Option(
        "--structured", help="Show what it costs if channels leave each group that hangs together.",
        rich_help_panel="With --structured",
    ),
]  # fmt: skip
Amount = Annotated[
    float | None, typer.Option("--amount", help="Share of the channels or blocks that leave (0.5).", **SHARE)
]
TargetMacs = Annotated[
    float | None, typer.Option("--target-macs", help="Remove until this share of the MACs is left.", **SHARE)
]
TargetParams = Annotated[
    float | None, typer.Option("--target-params", help="Remove until this share of the parameters is left.", **SHARE)
]
TargetLatency = Annotated[
    float | None,
    typer.Option("--target-latency", help="Remove until LiteRT takes this share of the time at batch 1.", **SHARE),
]
ImportanceOption = Annotated[
    Importance | None, typer.Option("--importance", help="What says which channels matter least (l2).", **PANEL)
]
RoundTo = Annotated[
    int | None, typer.Option("--round-to", help="Keep a multiple of N channels where there are as many.", **COUNT)
]
MinChannels = Annotated[
    int | None, typer.Option("--min-channels", help="Keep at least N channels everywhere (1).", **COUNT)
]
Iterative = Annotated[
    int | None, typer.Option("--iterative", help="Remove in N steps, fine-tuned after each (1).", **COUNT)
]

Augment = Annotated[
    str | None,
    typer.Option(
        "--augment", metavar="NAME,...",
        help="Change samples a little each epoch of fine-tuning: flip, crop, rotate, noise, mixup.", **PANEL,
    ),
]  # fmt: skip


def chosen(structured: Structure | None, options: Options, others: Options) -> Options | None:
    """The fields of a `StructuredConfig` that were given, or None if weights are to be pruned.

    Raises `InputError` if `options` of structured pruning are given without it, or `others` with it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if structured is None:
        if given:
            raise InputError(f"{_flag(next(iter(given)))} needs --structured")
        return None
    wrong = [name for name, value in others.items() if value not in (None, False)]
    if wrong:
        raise InputError(f"{_flag(wrong[0])} is not for --structured: leave one of them out")
    return {"structured": structured, **given}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
