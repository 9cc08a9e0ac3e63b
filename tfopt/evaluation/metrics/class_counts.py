"""Counts of answers that are right, of labels and of answers, by class: all that metrics of classes are made of.

Labels are class indices (N, ...), or of several labels a sample 0 and 1 (N, K); answers are probabilities (N, ..., K).
A label outside 0 to K-1 does not count, nor does an answer that is not finite count as any class.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from tfopt.report.metrics import ClassFigure, ClassTable
from tfopt.typing import Array

MOST_CONFUSED = 200  # classes of a confusion matrix that is reported


class Sums(NamedTuple):
    """Counts (..., K) of answers that are right, of labels, and of answers, by class."""

    right: Array
    true: Array
    said: Array


OfSums = Callable[[Sums], Array]


def said_classes(answers: Array) -> Array:
    """Return the class (N, ...) that answers (N, ..., K) say; -1 where they are not finite."""
    finite = np.isfinite(answers).all(axis=-1)
    return np.where(finite, np.nan_to_num(answers).argmax(axis=-1), -1)


def are_several(y: Array, answers: Array) -> bool:
    """Tell whether a sample may have several labels: then labels have the shape of answers."""
    return y.shape == answers.shape


def said_labels(answers: Array) -> Array:
    """Return which labels (N, K) answers (N, K) say."""
    found: Array = np.nan_to_num(answers) > 0.5
    return found


def accuracy(sums: Sums) -> Array:
    """Return the share of right answers."""
    found: Array = sums.right.sum(axis=-1) / sums.true.sum(axis=-1)
    return found


def balanced_accuracy(sums: Sums) -> Array:
    """Return the mean share of right answers of each class."""
    return _mean(sums.right, sums.true)


def macro_f1(sums: Sums) -> Array:
    """Return the mean F1 of the classes that are there or are said."""
    return _mean(2 * sums.right, sums.true + sums.said)


def mean_iou(sums: Sums) -> Array:
    """Return the mean intersection over union of the classes that are there or are said."""
    return _mean(sums.right, sums.true + sums.said - sums.right)


def _mean(part: Array, whole: Array) -> Array:
    there = whole > 0
    found: Array = (part / np.where(there, whole, 1)).sum(axis=-1) / there.sum(axis=-1)
    return found


def of_draws(figure: OfSums) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """Return what makes of labels and answers the figure of many draws."""

    def with_labels(y: Array, answers: Array) -> Callable[[Array], Array]:
        counts = count_samples(y, answers)
        return lambda times: figure(Sums(*(times @ part for part in counts)))

    return with_labels


def count_samples(y: Array, answers: Array) -> tuple[csr_matrix, csr_matrix, csr_matrix]:
    """Return counts (N, K) as in `Sums` for each sample."""
    if are_several(y, answers):
        true, said = y.astype(bool), said_labels(answers)
        return csr_matrix((true & said).astype(np.int64)), csr_matrix(y.astype(np.int64)), csr_matrix(said.astype(int))
    samples, classes = len(y), answers.shape[-1]
    true, said = y.reshape(samples, -1), said_classes(answers).reshape(samples, -1)
    counted = (true >= 0) & (true < classes)

    def count(values: Array, where: Array) -> csr_matrix:
        rows, columns = np.nonzero(where)
        ones = np.ones(len(rows), np.int64)
        return csr_matrix((ones, (rows, values[rows, columns])), shape=(samples, classes))

    return count(true, counted & (true == said)), count(true, counted), count(said, counted & (said >= 0))


def class_table(y: Array, answers: Array, names: Sequence[str] | None, *, areas: bool = False) -> ClassTable:
    """Return the figures of each class.

    Args:
        y: Labels.
        answers: Probabilities of the classes, or labels.
        names: Of the classes; None numbers them.
        areas: Whether to say the intersection over union.
    """
    sums = Sums(*(np.asarray(part.sum(axis=0)).ravel() for part in count_samples(y, answers)))
    titles = [names[at] if names and at < len(names) else str(at) for at in range(answers.shape[-1])]
    figures = [
        ClassFigure(
            name=title,
            precision=_share(right, said),
            recall=_share(right, true),
            f1=_share(2 * right, true + said),
            iou=_share(right, true + said - right) if areas else None,
            support=int(true),
        )
        for title, right, true, said in zip(titles, *sums, strict=True)
    ]
    return ClassTable(classes=figures, confusion=_confusion(y, answers))


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _confusion(y: Array, answers: Array) -> list[list[int]] | None:
    """Count each pair of a label and an answer; None of several labels a sample, or of too many classes to read."""
    classes = answers.shape[-1]
    if are_several(y, answers) or classes > MOST_CONFUSED:
        return None
    true, said = y.ravel(), said_classes(answers).ravel()
    counted = (true >= 0) & (true < classes) & (said >= 0)
    pairs = true[counted].astype(np.int64) * classes + said[counted]
    found: list[list[int]] = np.bincount(pairs, minlength=classes**2).reshape(classes, classes).tolist()
    return found
