"""A candidate is a file that was made and judged."""

from dataclasses import dataclass

from tfopt.core.recipe import Step
from tfopt.evaluation.statistics import Worsening
from tfopt.formats.artifact import Artifact
from tfopt.optimization.costs import Costs
from tfopt.optimization.moves import Move


@dataclass(frozen=True, eq=False)
class Candidate:
    """A file that was made and judged.

    Attributes:
        move: How it was made.
        steps: The steps of its recipe.
        file: The file.
        costs: What it costs.
        loss: How much worse it answers on the validation split than the model as it was given.
        holds: Whether it keeps to the limit on that.
        error: The error of the output that was predicted; None of a file that was trained for.
    """

    move: Move
    steps: list[Step]
    file: Artifact
    costs: Costs
    loss: Worsening
    holds: bool
    error: float | None
