"""The front of what was made, the cheapest first, and the recipes by which each file is made again."""

from collections.abc import Sequence
from pathlib import Path

from tfopt.core.recipe import Outputs, Recipe
from tfopt.core.recipe_file import recipe_text
from tfopt.data.config import DataConfig
from tfopt.optimization.candidate import Candidate
from tfopt.optimization.config import Goal
from tfopt.optimization.prediction import predicted_loss
from tfopt.optimization.search import Search
from tfopt.report.front import FrontPoint

MOST = 8  # points that are measured on the test split and written


def front_of(made: Sequence[Candidate], goal: Goal, best: Candidate | None) -> list[Candidate]:
    """Return the files of which none is cheaper and loses no more, cheapest first.

    The best one and the first that was made, which nothing was tried on, are there in any case. Of more than eight
    those stay that are spread best over the losses.
    """
    found, fixed = list[Candidate](), (best, made[0])
    for one in sorted(made, key=lambda one: (one.costs[goal], one.loss.value)):
        if one in fixed or all(one.loss.value < other.loss.value for other in found):
            found.append(one)
    while len(found) > MOST:
        inner = [index for index in range(1, len(found) - 1) if found[index] not in fixed]
        found.pop(min(inner, key=lambda index: found[index - 1].loss.value - found[index + 1].loss.value))
    return found


def points_of(search: Search, front: Sequence[Candidate], chosen: Candidate | None) -> list[FrontPoint]:
    """Describe the files of a front as a report has them."""
    points = []
    for number, one in enumerate(front, 1):
        low, high = one.loss.ends
        others = [found for found in search.measured if found != (one.error, one.loss.value)]
        points.append(
            FrontPoint(
                number=number,
                file=one.file.name,
                made=search.described(one.move),
                costs=dict(one.costs),
                gate=search.limit.gate,
                loss=one.loss.value,
                low=low,
                high=high,
                holds=one.holds and search.within(one.costs),
                chosen=one is chosen,
                predicted=None if one.error is None else predicted_loss(one.error, others),
            )
        )
    return points


def recipe_of(candidate: Candidate, source: str, data: DataConfig | None, folder: Path) -> bytes:
    """Return the recipe of a file as it lies in `folder`; paths are those from the current folder."""
    given = {"data": data} if data else {}
    recipe = Recipe.of(candidate.steps, source=source, outputs=Outputs(model=candidate.file.name), **given)
    return recipe_text(recipe, folder).encode()
