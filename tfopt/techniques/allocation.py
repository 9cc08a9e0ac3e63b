"""Allocation: each thing gets the option that its error is worth, such that all costs together fit into a budget.

Of each it is known what every option costs and which error it brings to the output of the model. Errors add up as long
as they are small, so that the best choice is a knapsack with one item of each, as in HAWQ-V2 (Dong et al. 2019,
arXiv:1911.03852). It is solved exactly, by a dynamic programme over all sums of costs for which no choice that costs
less has less error. Things are kernels and their bits, or groups of channels and how many of them stay.
"""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from tfopt.typing import Array

Thing = TypeVar("Thing", bound=Hashable)
Option = TypeVar("Option", bound=Hashable)


class Cost(NamedTuple):
    """The cost of an option: the error that it brings to the output, and its size, as bytes in a file."""

    error: float
    size: int


def allocate(costs: Mapping[Thing, Mapping[Option, Cost]], most: int) -> dict[Thing, Option]:
    """Choose an option for each thing such that the sum of errors is the least of all that fit into a budget.

    Args:
        costs: What each option of each thing costs.
        most: The most size of all together; at least `least_size(costs)`.

    Returns:
        The option of each.

    >>> first = {"int8": Cost(0.0, 8), "int2": Cost(0.5, 2)}
    >>> second = {"int8": Cost(0.0, 8), "int4": Cost(0.1, 4), "int2": Cost(0.9, 2)}
    >>> allocate({("a", 0): first, ("b", 0): second}, 12)
    {('a', 0): 'int8', ('b', 0): 'int4'}
    """
    sizes: Array = np.zeros(1, np.int64)
    errors: Array = np.zeros(1)
    least = least_size(costs)
    steps: list[tuple[list[Option], Array, Array]] = []
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


def least_size(costs: Mapping[Thing, Mapping[Option, Cost]]) -> int:
    """Return the least size that all can have together."""
    return sum(min(cost.size for cost in options.values()) for options in costs.values())


def _best(sizes: Array, errors: Array, most: int) -> Array:
    """Return which are no larger than `most` and have less error than all that are as small, smallest first."""
    order = np.lexsort((errors, sizes))
    order = order[sizes[order] <= most]
    before = np.minimum.accumulate(np.concatenate([[np.inf], errors[order]]))[:-1]
    return np.asarray(order[errors[order] < before])
