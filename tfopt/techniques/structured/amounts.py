"""Amounts: what leaves each group is solved for the least sum of errors that costs as much as an equal share.

What a group costs depends on how much stays of those that its layers read or make. So costs are taken beside what was
chosen for the others, from the equal share on, and the choice is made again; the best that is no dearer counts.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import TypeAlias

import numpy as np

from tfopt.techniques.allocation import Cost, allocate, least_size
from tfopt.techniques.structured.channel_selection import GLOBAL_FLOOR, GroupScores, kept_counts, rounded_up
from tfopt.typing import Array

UNITS = 500  # of the budget: costs are told apart so finely
OPTIONS = 40  # counts of channels that are tried of a group
TURNS = 5

Counts: TypeAlias = list[int]


def solved_counts(
    groups: Sequence[GroupScores], cost: Callable[[Counts], float], amount: float, round_to: int
) -> Counts:
    """Choose how many channels stay of each group; of those whose errors are not known the equal share leaves.

    Args:
        groups: The groups, whose scores are the errors once all channels up to one have left.
        cost: What a model costs of which so many channels stay in each group.
        amount: The equal share, which costs as much.
        round_to: A multiple of this stays where there are as many.

    Returns:
        How many stay of each group.
    """
    best = now = kept_counts(groups, amount, "local", round_to)
    budget, errors = cost(best), [_errors(one) for one in groups]
    unit, spared = budget / UNITS or 1.0, 0
    for _ in range(TURNS):
        table: dict[int, dict[int, Cost]] = {}
        for index, one in enumerate(groups):
            sizes = _costs_alone(now, index, len(one.roots), cost) / unit
            counts = {*_options(one, round_to), now[index]} if one.measured else {now[index]}
            table[index] = {count: Cost(float(errors[index][count]), round(float(sizes[count]))) for count in counts}
        here = sum(own[now[index]].size for index, own in table.items())
        most = here + floor((budget - cost(now)) / unit) - spared
        chosen = allocate(table, max(most, least_size(table)))
        now = [chosen[index] for index in range(len(groups))]
        spared = max(0, spared + ceil((cost(now) - budget) / unit))  # costs add up only nearly
        if cost(now) <= budget and _total(errors, now) < _total(errors, best):
            best = now
    return best


def _errors(group: GroupScores) -> Array:
    """Return the error (n + 1,) if none to all of the channels of a group stay."""
    return np.concatenate([[np.inf], np.sort(group.scores)[::-1][1:], [0.0]])


def _total(errors: Sequence[Array], counts: Counts) -> float:
    return float(sum(own[count] for own, count in zip(errors, counts, strict=True)))


def _options(group: GroupScores, round_to: int) -> set[int]:
    least = max(group.least, 1, int(np.ceil(GLOBAL_FLOOR * len(group.roots))))
    found = np.linspace(min(least, len(group.roots)), len(group.roots), OPTIONS).round().astype(int)
    return {rounded_up(count, round_to, len(group.roots)) for count in found.tolist()}


def _costs_alone(now: Counts, index: int, size: int, cost: Callable[[Counts], float]) -> Array:
    """Return what the model costs (n + 1,) if none to all of one group stay: no kernel has more than two axes of it."""
    known = sorted({1, (size + 1) // 2, size})
    found = [cost([*now[:index], count, *now[index + 1 :]]) for count in known]
    return np.polyval(np.polyfit(known, found, len(known) - 1), np.arange(size + 1))
