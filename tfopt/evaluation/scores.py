"""A sample has a score, an answer that is right or the size of an error; their mean says how good a model is."""

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.vectorizer import PADDING
from tfopt.evaluation.intervals import Clusters
from tfopt.typing import Array

MOST_PARTS, TIMES_SHARED = 10, 8


def predicted_classes(outputs: Array, *, probabilities: bool) -> Array:
    """Return the class of each row.

    Args:
        outputs: Scores (N, K) of the classes, or (N, 1) of class 1.
        probabilities: Whether they are such, and no logits: the model knows (`Artifact.gives_probabilities`).
    """
    if outputs.shape[1] > 1:
        classes: Array = np.argmax(outputs, axis=1)
        return classes
    return (outputs[:, 0] > (0.5 if probabilities else 0.0)).astype(np.int64)


def counts_right(task: Task) -> bool:
    """Return whether answers are right or wrong, so that accuracy measures them; otherwise it is the size of errors."""
    return task in ("classification", "translation")


def scores(task: Task, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:
    """Return whether each sample is answered right (N,) bool, or its mean absolute error (N,).

    In a translation each target word, given those before it, counts as a sample, (M,) bool. Outputs that are not
    finite are wrong, or have an infinite error. Of a classifier `probabilities` says whether outputs are such.
    """
    match task:
        case "classification":
            answered = np.isfinite(outputs).all(axis=1)
            right: Array = answered & (predicted_classes(np.nan_to_num(outputs), probabilities=probabilities) == y)
            return right
        case "translation":
            words = y != PADDING
            found: Array = (np.argmax(np.nan_to_num(outputs), axis=-1) == y)[words]
            return found
        case _:
            errors = np.abs(outputs.reshape(len(y), -1) - y.reshape(len(y), -1)).mean(axis=1)
            return np.where(np.isfinite(errors), errors, np.inf)


def clusters_of(task: Task, y: Array) -> Clusters | None:
    """Return which scores hang together, so that they are no independent draws: a cluster's number for each (M,).

    Those of the words of a sentence do, and those of windows of a series that share steps or follow each other closely:
    they are cut into at most 10 parts, each 8 times as long as what two windows can share, few and long ones, so that
    neighbouring parts tell little of each other (batch means, Schmeiser 1982). Other samples are independent: None.
    """
    match task:
        case "translation":
            sentences: Clusters = np.nonzero(y != PADDING)[0]
            return sentences
        case "forecasting":
            parts = min(MOST_PARTS, max(1, len(y) // (TIMES_SHARED * (y.shape[1] - 1) + 1)))
            windows: Clusters = np.arange(len(y)) * parts // len(y)
            return windows
        case _:
            return None


def drop(task: Task, before: Array, after: Array) -> float:
    """Return how much worse `after` is: points of accuracy lost, or by which share the mean absolute error grew."""
    if counts_right(task):
        return float(before.mean() - after.mean())
    return float(after.mean() / max(before.mean(), 1e-12) - 1)


def described(task: Task, found: Array) -> str:
    """Return what scores amount to, in words."""
    return f"{int(found.sum())} right" if counts_right(task) else f"a mean absolute error of {found.mean():.3f}"
