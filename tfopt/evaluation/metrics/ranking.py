"""Metrics of the order in which probabilities put samples: they ask for no threshold.

Of several classes each is told from all others, and the mean of them counts.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tfopt.typing import Array

Column: TypeAlias = Callable[[Array, Array, Array], Array]  # of draws (B, N) in order, labels (N,), where ties begin


def columns_of(y: Array, answers: Array) -> tuple[Array, Array]:
    """Return whether each sample is of each class (N, K), and its scores (N, K); of two classes only the second.

    Scores that are no numbers are the lowest.
    """
    scores = np.nan_to_num(answers, nan=0.0)
    if scores.ndim == 1:
        return (y > 0)[:, np.newaxis], scores[:, np.newaxis]
    if y.ndim == scores.ndim:
        return y.astype(bool), scores
    member = y[:, np.newaxis] == np.arange(scores.shape[1])
    return (member[:, 1:], scores[:, 1:]) if scores.shape[1] == 2 else (member, scores)


def undefined(y: Array, answers: Array) -> str:
    """Say which class has no sample, or all of them, so that nothing is to be told apart."""
    member, _ = columns_of(y, answers)
    without = np.flatnonzero(~member.any(axis=0) | member.all(axis=0))
    if not len(without):
        return ""
    return f"it needs samples of each class and of others, and {len(without)} of {member.shape[1]} have not both"


def roc_auc(y: Array, answers: Array) -> float:
    """Return the mean area under the ROC curve of the classes."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*columns_of(y, answers), average="macro"))


def average_precision(y: Array, answers: Array) -> float:
    """Return the mean of the average precision of the classes."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*columns_of(y, answers), average="macro"))


def of_draws(column: Column) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """Return what makes of labels and answers the mean figure of the classes for many draws."""

    def with_labels(y: Array, answers: Array) -> Callable[[Array], Array]:
        members, scores = columns_of(y, answers)
        orders = np.argsort(-scores, axis=0, kind="stable")

        def one(times: Array, at: int) -> Array:
            order = orders[:, at]
            ordered = scores[order, at]
            ties = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            return column(times[:, order], members[order, at], ties)

        def mean(times: Array) -> Array:
            found = np.stack([one(times, at) for at in range(members.shape[1])])
            known = ~np.isnan(found)  # a draw may have no sample of a class
            total: Array = np.where(known, found, 0).sum(axis=0) / known.sum(axis=0)
            return total

        return mean

    return with_labels


def drawn_roc_auc(times: Array, member: Array, ties: Array) -> Array:
    """Return the area (B,): the share of pairs in the right order, ties by half (Mann & Whitney 1947)."""
    inside, outside = (np.add.reduceat(times * part, ties, axis=1) for part in (member, ~member))
    below = outside.sum(axis=1, keepdims=True) - outside.cumsum(axis=1) + outside / 2
    found: Array = (inside * below).sum(axis=1) / (inside.sum(axis=1) * outside.sum(axis=1))
    return found


def drawn_average_precision(times: Array, member: Array, ties: Array) -> Array:
    """Return the mean precision (B,) at the score of each sample of the class."""
    inside, all_ = (np.add.reduceat(times * part, ties, axis=1) for part in (member, np.ones_like(member)))
    reached = all_.cumsum(axis=1)
    precision = inside.cumsum(axis=1) / np.maximum(reached, 1)
    found: Array = (inside * precision).sum(axis=1) / inside.sum(axis=1)
    return found
