"""Mixed bits: each kernel has as many as its errors are worth, such that all of them fit into a budget of bytes.

Of each kernel it is known what every width costs in bytes and in error at the output of the model. Errors of different
kernels add up as long as they are small, so that the best choice is a knapsack with one item of each kernel, as in
HAWQ-V2 (Dong et al. 2019, arXiv:1911.03852). It is solved exactly, by a dynamic programme over all sums of bytes for
which no choice with less bytes has less error.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from tfopt.techniques.rounding.levels import Levels
from tfopt.typing import Array

Place: TypeAlias = tuple[str, int]
"""A kernel: the name of its layer, and its position among the layer's weights."""


class Cost(NamedTuple):
    """The cost of a kernel of some levels: the error that it brings to the output, and its bytes in the file."""

    error: float
    size: int


Costs: TypeAlias = Mapping[Place, Mapping[Levels, Cost]]


def allocate(costs: Costs, most: int) -> dict[Place, Levels]:
    """Choose levels for each kernel such that the sum of errors is the least of all that fit into a budget.

    Args:
        costs: What each width of each kernel costs.
        most: The most bytes of all kernels; at least `least_size(costs)`.

    Returns:
        The levels of each kernel.

    >>> first = {"int8": Cost(0.0, 8), "int2": Cost(0.5, 2)}
    >>> second = {"int8": Cost(0.0, 8), "int4": Cost(0.1, 4), "int2": Cost(0.9, 2)}
    >>> allocate({("a", 0): first, ("b", 0): second}, 12)
    {('a', 0): 'int8', ('b', 0): 'int4'}
    """
    sizes: Array = np.zeros(1, np.int64)
    errors: Array = np.zeros(1)
    least = least_size(costs)
    steps: list[tuple[list[Levels], Array, Array]] = []
    for options in costs.values():
        names = list(options)
        least -= min(cost.size for cost in options.values())
        wide = (sizes[:, np.newaxis] + [options[name].size for name in names]).ravel()
        wrong = (errors[:, np.newaxis] + [options[name].error for name in names]).ravel()
        kept = _best(wide, wrong, most - least)
        steps.append((names, kept // len(names), kept % len(names)))
        sizes, errors = wide[kept], wrong[kept]
    at, chosen = len(sizes) - 1, []
    for names, before, option in reversed(steps):
        chosen.append(names[option[at]])
        at = before[at]
    return dict(zip(costs, reversed(chosen), strict=True))


def least_size(costs: Costs) -> int:
    """Return the fewest bytes that all kernels can have."""
    return sum(min(cost.size for cost in options.values()) for options in costs.values())


def _best(sizes: Array, errors: Array, most: int) -> Array:
    """Return which are no larger than `most` and have less error than all that are as small, smallest first."""
    order = np.lexsort((errors, sizes))
    order = order[sizes[order] <= most]
    before = np.minimum.accumulate(np.concatenate([[np.inf], errors[order]]))[:-1]
    return np.asarray(order[errors[order] < before])
