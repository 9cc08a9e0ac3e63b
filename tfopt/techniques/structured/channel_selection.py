"""Channels leave each group by the same share (local), or those that matter least anywhere (global)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfopt.config.choices import Scope
from tfopt.typing import Array

GLOBAL_FLOOR = 0.1  # of a group stays, however little it seems to matter, or a layer could choke all others


@dataclass(frozen=True)
class GroupScores:
    """The sets of one group: their roots (n,), their scores (n,), and how many of them must stay."""

    roots: Array
    scores: Array
    least: int


def channels_to_remove(groups_scores: Sequence[GroupScores], amount: float, scope: Scope, round_to: int = 1) -> Array:
    """The roots of the sets that leave when a share `amount` does.

    How many stay of a group is rounded up to a multiple of `round_to`, if the group has as many.
    """
    if scope == "global":
        counts = _global_counts(groups_scores, amount)
    else:
        counts = [round(amount * len(one.roots)) for one in groups_scores]
    left = []
    for one, count in zip(groups_scores, counts, strict=True):
        kept = max(len(one.roots) - count, one.least, 1)
        kept = min(-(-kept // round_to) * round_to, len(one.roots))
        order = np.argsort(one.scores, kind="stable")
        left.append(one.roots[order[: len(one.roots) - kept]])
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
