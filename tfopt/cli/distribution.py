"""The options that say on how many devices a model is trained, each spelled once."""

from typing import TYPE_CHECKING, Annotated

import typer

from tfopt.cli.options import QAT, RUN
from tfopt.errors import InputError
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.distribution.workers.config import WorkersConfig

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
ScaleLr = Annotated[
    bool,
    typer.Option(
        "--scale-lr/--keep-lr",
        help="Multiply --learning-rate by the number of replicas, as for a --batch-size raised as much.",
        rich_help_panel=DISTRIBUTION,
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N|HOST:PORT,...|env",
        help="Train by N processes here, or by one on each host, the first of which writes the model; env: as TF_CONFIG"
        " or the Slurm step says.",
        rich_help_panel=DISTRIBUTION,
        show_default=False,
    ),
]
Rank = Annotated[
    int | None,
    typer.Option(
        "--rank",
        metavar="I",
        help="Which of --workers HOST:PORT,... this process is, from 0.",
        rich_help_panel=DISTRIBUTION,
        show_default=False,
    ),
]
MaxRestarts = Annotated[
    int,
    typer.Option(
        "--max-restarts",
        metavar="N",
        help="Begin again from the last checkpoint when a worker has died, at most so often.",
        rich_help_panel=DISTRIBUTION,
    ),
]
WorkerTimeout = Annotated[
    float,
    typer.Option(
        "--worker-timeout",
        metavar="SECONDS",
        help="How long a worker may be missing or silent.",
        rich_help_panel=DISTRIBUTION,
    ),
]
CheckpointSteps = Annotated[
    int | None,
    typer.Option(
        "--checkpoint-steps",
        metavar="N",
        help="Write a checkpoint every N steps, too; left out: after each epoch.",
        rich_help_panel=RUN,
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


def spread(distributed: bool, replicas: int | None) -> Options:
    """The fields of a config that trains."""
    return {"distributed": distributed, "replicas": replicas}


def workers_config(workers: str | None, rank: int | None, max_restarts: int, timeout: float) -> "WorkersConfig | None":
    """Which processes train, if there are several."""
    if workers is None:
        if rank is not None:
            raise InputError(f"--rank {rank} needs --workers HOST:PORT,...")
        return None
    from tfopt.distribution.workers.addresses import parse_workers
    from tfopt.distribution.workers.config import WorkersConfig

    named, rank = parse_workers(workers, rank)
    return WorkersConfig(workers=named, rank=rank, max_restarts=max_restarts, timeout=timeout)
