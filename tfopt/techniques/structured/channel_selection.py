"""Channels leave each group by the same share (local), or those that matter least anywhere (global)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfopt.config.choices import Scope
from tfopt.typing import Array

GLOBAL_FLOOR = 0.1  # of a group stays, however little it seems to matter, or a layer could choke all others


@dataclass(frozen=True)
class GroupScores:
    """The sets of one group: their roots (n,), their scores (n,), and how many of them must stay.

    Scores are `measured`, or stand in for what is not known.
    """

    roots: Array
    scores: Array
    least: int
    measured: bool = True


def channels_to_remove(groups_scores: Sequence[GroupScores], amount: float, scope: Scope, round_to: int = 1) -> Array:
    """The roots of the sets that leave when a share `amount` does."""
    return least_important(groups_scores, kept_counts(groups_scores, amount, scope, round_to))


def kept_counts(groups_scores: Sequence[GroupScores], amount: float, scope: Scope, round_to: int = 1) -> list[int]:
    """Return how many stay of each group when a share `amount` leaves.

    It is rounded up to a multiple of `round_to`, if the group has as many.
    """
    if scope == "global":
        counts = _global_counts(groups_scores, amount)
    else:
        counts = [round(amount * len(one.roots)) for one in groups_scores]
    return [
        rounded_up(max(len(one.roots) - count, one.least, 1), round_to, len(one.roots))
        for one, count in zip(groups_scores, counts, strict=True)
    ]


def rounded_up(count: int, round_to: int, most: int) -> int:
    """Return the next multiple of `round_to`, or all if there are not as many.

    >>> rounded_up(9, 8, 20), rounded_up(17, 8, 20)
    (16, 20)
    """
    return min(-(-count // round_to) * round_to, most)


def least_important(groups_scores: Sequence[GroupScores], kept: Sequence[int]) -> Array:
    """Return the roots of the sets that leave if so many stay of each group."""
    left = [
        one.roots[np.argsort(one.scores, kind="stable")[: len(one.roots) - count]]
        for one, count in zip(groups_scores, kept, strict=True)
    ]
    return np.concatenate(left) if left else np.array([], int)


def _global_counts(groups_scores: Sequence[GroupScores], amount: float) -> list[int]:
    """Return how many leave each group if the lowest scores of all leave, but for the floor of each group."""
    free, owners = [], []
    for index, one in enumerate(groups_scores):
        most = len(one.roots) - max(one.least, int(np.ceil(GLOBAL_FLOOR * len(one.roots))))
        free.append(np.sort(one.scores)[: max(most, 0)])
        owners.append(np.full(max(most, 0), index))
    order = np.argsort(np.concatenate(free), kind="stable") if free else np.array([], int)
    wanted = round(amount * sum(len(one.roots) for one in groups_scores))
    chosen = np.concatenate(owners)[order[:wanted]] if free else np.array([], int)
    counts: list[int] = np.bincount(chosen, minlength=len(groups_scores)).tolist()
    return counts
