"""Options of a search for the best file within limits."""

from typing import Annotated, Literal

from pydantic import Field

from tfopt.config.fields import Count, Duration, Option, Seed
from tfopt.config.fine_tuning import Augmentations
from tfopt.evaluation.config import AnswerLimits
from tfopt.targets.config import Bytes

Goal = Literal["size", "latency", "ram", "flash", "macs"]
TFLM = "tflm"


class OptimizeConfig(AnswerLimits):
    """Options of a search for the best file within limits.

    `goal` is what gets least, among the files that keep to all limits. Without a limit on what is lost it is one point
    of accuracy, or 5 % more error; with limits on costs alone the file that answers best within them is chosen.
    """

    goal: Annotated[
        Goal,
        Field(description="What gets least: bytes of the file, time, working memory or flash of the target, or MACs."),
    ] = "size"
    made_for: Annotated[
        str | None,
        Field(
            description="The target that it must run on (see tfopt check); left out: tflm where `ram` or `flash`"
            " matter, else this CPU."
        ),
        Option("NAME|FILE", flag="--for", panel="Target"),
    ] = None
    max_size: Annotated[Bytes | None, Field(description="The most bytes of the file: 30kB.")] = None
    flash: Annotated[Bytes | None, Field(description="The most flash at the target: 64kB."), Option(panel="Target")] = (
        None
    )
    ram: Annotated[
        Bytes | None, Field(description="The most working memory at the target: 32kB."), Option(panel="Target")
    ] = None
    max_ms: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(description="The longest inference, in ms."),
        Option("MS", panel="Target"),
    ] = None
    time: Annotated[
        Duration | None, Field(description="End after 90s, 10m or 1h, with the best until then; left out: when done.")
    ] = None
    files: Annotated[Count, Field(description="Files that are tried without training.")] = 12
    finalists: Annotated[int, Field(ge=0, description="Files that are trained for; 0: none."), Option("N")] = 3
    epochs: Annotated[
        Count | None, Field(description="Most epochs to train each; left out: what each technique takes.")
    ] = None
    augment: Annotated[
        Augmentations,
        Field(description="Change samples a little each epoch: flip, crop, rotate, noise, mixup; nothing unasked."),
    ] = ()
    seed: Seed = 0

    @property
    def costs_limited(self) -> dict[Goal, float]:
        """Return the limits on costs that were set."""
        given: dict[Goal, float | None] = {
            "size": self.max_size,
            "flash": self.flash,
            "ram": self.ram,
            "latency": self.max_ms,
        }
        return {name: float(most) for name, most in given.items() if most is not None}

    @property
    def costs_asked(self) -> list[Goal]:
        """Return the costs that have to be known, the goal first."""
        return list(dict.fromkeys([self.goal, "size", *self.costs_limited]))

    @property
    def device(self) -> str | None:
        """Return the name of the target that is asked; None if no target has to be."""
        if self.made_for:
            return self.made_for
        return TFLM if {"ram", "flash"} & set(self.costs_asked) else None
