"""Metrics of the class, or the labels, that answers say, by scikit-learn."""

import numpy as np

from tfopt.evaluation.metrics.class_counts import are_several, said_classes, said_labels
from tfopt.typing import Array


def accuracy(y: Array, answers: Array) -> float:
    """Return the share of right answers."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(*_said(y, answers)))


def balanced_accuracy(y: Array, answers: Array) -> float:
    """Return the mean share of right answers of each class."""
    from sklearn.metrics import recall_score

    true, said = _said(y, answers)
    return float(recall_score(true, said, labels=np.unique(true), average="macro"))


def macro_f1(y: Array, answers: Array) -> float:
    """Return the mean F1 of the classes that are there or are said."""
    from sklearn.metrics import f1_score

    true, said = _said(y, answers)
    return float(f1_score(true, said, labels=_found(true, said), average="macro", zero_division=np.nan))


def mean_iou(y: Array, answers: Array) -> float:
    """Return the mean intersection over union of the classes that are there or are said."""
    from sklearn.metrics import jaccard_score

    true, said = _said(y, answers)
    return float(jaccard_score(true, said, labels=_found(true, said), average="macro"))


def _said(y: Array, answers: Array) -> tuple[Array, Array]:
    if are_several(y, answers):
        return y.astype(np.int64), said_labels(answers).astype(np.int64)
    counted = (y >= 0) & (y < answers.shape[-1])
    return y[counted].astype(np.int64), said_classes(answers)[counted]


def _found(true: Array, said: Array) -> Array | None:
    """Return the classes that are there or are said; None for all labels of samples that have several."""
    found = np.union1d(true, said)
    return None if true.ndim > 1 else found[found >= 0]
