"""The processes that train a model together, and how long they bear with each other."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tfopt.config.fields import Config, Option

ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/,\[\]]+):(\d{1,5})")


class WorkersConfig(Config):
    """The processes that train together: so many here, or those at addresses `host:port`, of which the first is chief.

    Of addresses, `rank` says which one this process is. If one of them dies, all begin again from the last checkpoint,
    at most `max_restarts` times. `timeout` is how many seconds one may be missing or silent.
    """

    panel: ClassVar[str] = "On several devices"

    workers: Annotated[
        Annotated[int, Field(ge=2, le=1024)] | tuple[str, ...],
        Field(
            description="Train by N processes here, or by one on each host, the first of which writes the model; env:"
            " as TF_CONFIG or the Slurm step says."
        ),
        Option("N|HOST:PORT,...|env"),
    ]
    rank: Annotated[
        Annotated[int, Field(ge=0)] | None,
        Field(description="Which of `workers` HOST:PORT,... this process is, from 0."),
        Option("I"),
    ] = None
    max_restarts: Annotated[
        int,
        Field(ge=0, description="Begin again from the last checkpoint when a worker has died, at most so often."),
        Option("N"),
    ] = 3
    timeout: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False, description="How long a worker may be missing or silent."),
        Option("SECONDS", "--worker-timeout"),
    ] = 300.0

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if isinstance(self.workers, int):
            if self.rank is not None:
                raise ValueError(
                    f"`rank` is for `workers` HOST:PORT,...; `workers` {self.workers} starts all of them here"
                )
            return self
        for address in self.workers:
            match = ADDRESS.fullmatch(address)
            if not match or not 0 < int(match[2]) < 65536:
                raise ValueError(f"`workers` {address} is not an address; write HOST:PORT, as in node1:2222")
        if len(self.workers) < 2:
            one = "".join(self.workers) or "of none"
            raise ValueError(f"`workers` {one} is one worker alone; name all of them, or leave it out")
        twice = next((address for address in self.workers if self.workers.count(address) > 1), None)
        if twice:
            raise ValueError(f"`workers` has {twice} twice; every worker needs an address of its own")
        if self.rank is None or self.rank >= len(self.workers):
            given = "is missing" if self.rank is None else f"{self.rank} is none of them"
            raise ValueError(
                f"`rank` {given}: it says which of `workers` this process is, 0 to {len(self.workers) - 1}"
            )
        return self

    @property
    def count(self) -> int:
        """Return the number of workers."""
        return self.workers if isinstance(self.workers, int) else len(self.workers)
