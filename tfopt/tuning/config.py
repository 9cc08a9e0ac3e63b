"""Options of a search for training options."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import SearchMethod, TunedArch
from tfopt.config.fields import Count, Duration, Epochs, Option, Seed, SuitedPatience
from tfopt.config.metric import MetricConfig


class TuneConfig(MetricConfig):
    """Options of a search for training options.

    `arch` None is what suits the data, any tries each that fits. `trials` counts those of earlier runs of the same
    search, too; no trial goes on after `timeout` seconds. `parallel` processes work on one study. Each trial trains up
    to `epochs` with the same `seed`, which also decides what is tried. With a `metric` the trials are ranked by it, but
    the epoch of each is chosen as in every training.
    """

    arch: Annotated[
        TunedArch | None, Field(description="Architecture, or any: each that fits; left out: what suits the data.")
    ] = None
    search: Annotated[SearchMethod, Field(description="Try at random, a coarse grid, or by what did well so far.")] = (
        "bayes"
    )
    trials: Annotated[Count, Field(description="Trainings in all, with those of a search that is resumed.")] = 20
    timeout: Annotated[
        Duration | None,
        Field(description="Stop after 90s, 10m or 1h."),
    ] = None
    parallel: Annotated[int, Field(ge=1, le=64, description="Processes that train at the same time."), Option("N")] = 1
    epochs: Epochs = 30
    patience: SuitedPatience = None
    seed: Seed = 0
