"""The options that say on how many devices a model is trained, each spelled once."""

from typing import Annotated, Any

import typer

from tfopt.cli.options import QAT

DISTRIBUTION = "On several devices"

Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed/--no-distributed",
        help="Train on every visible GPU, or on the CPU if there is none; --batch-size is shared among them.",
        rich_help_panel=DISTRIBUTION,
    ),
]
Replicas = Annotated[
    int | None,
    typer.Option(
        "--replicas",
        metavar="N",
        help="Use N GPUs, or N logical devices of the CPU to try it out.",
        rich_help_panel=DISTRIBUTION,
        show_default=False,
    ),
]
QatDistributed = Annotated[
    bool | None,
    typer.Option(
        "--distributed/--no-distributed", help="Train on every visible GPU.", rich_help_panel=QAT, show_default=False
    ),
]
QatReplicas = Annotated[
    int | None,
    typer.Option(
        "--replicas",
        metavar="N",
        help="With --distributed: so many GPUs, or logical devices of the CPU.",
        rich_help_panel=QAT,
        show_default=False,
    ),
]


def spread(distributed: bool, replicas: int | None) -> dict[str, Any]:
    """The fields of a config that trains."""
    return {"distributed": distributed, "replicas": replicas}
