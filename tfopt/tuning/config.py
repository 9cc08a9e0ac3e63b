"""How to search for training options."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import SearchMethod, TunedArch
from tfopt.config.fields import Config, Count, Seed


class TuneConfig(Config):
    """How to search for training options.

    `arch` None is what suits the data, any tries each that fits. `trials` counts those of earlier runs of the same
    search, too; no trial goes on after `timeout` seconds. `parallel` processes work on one study. Each trial trains up
    to `epochs` with the same `seed`, which also decides what is tried.
    """

    arch: TunedArch | None = None
    search: SearchMethod = "bayes"
    trials: Count = 20
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    parallel: Annotated[int, Field(ge=1, le=64)] = 1
    epochs: Count = 30
    patience: Count = 10
    seed: Seed = 0
