"""The loss of accuracy is predicted from the error of the output, which needs no labels and no file.

Errors of parts add up only nearly, and points of accuracy are no linear function of them: the files that were measured
say which function it is. More error never loses less, so that it is fitted by isotonic regression (Barlow et al. 1972).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr


class Measured(NamedTuple):
    """A file whose error was predicted, and its loss on the validation split."""

    error: float
    loss: float


def predicted_loss(error: float, measured: Sequence[Measured]) -> float:
    """Predict the loss of a file from those that were measured.

    Args:
        error: The predicted error of its output.
        measured: Files that were measured; without any, nothing is lost.

    Returns:
        The loss, as that of the files; beyond the largest error it grows in proportion.

    >>> some = [Measured(0.1, 0.01), Measured(0.3, 0.03), Measured(0.2, 0.02)]
    >>> [round(predicted_loss(error, some), 3) for error in (0.0, 0.15, 0.3, 0.6)]
    [0.0, 0.015, 0.03, 0.06]
    """
    if not measured:
        return 0.0
    ordered = sorted(measured)
    errors = np.array([0.0, *(one.error for one in ordered)])
    losses = np.array([0.0, *isotonic_regression([max(one.loss, 0.0) for one in ordered]).x])
    if error > errors[-1] > 0:
        return float(losses[-1] * error / errors[-1])
    return float(np.interp(error, errors, losses))


def rank_correlation(measured: Sequence[Measured]) -> float | None:
    """Return Spearman's rank correlation of errors and losses; None of fewer than four files, or if all are alike."""
    if len(measured) < 4 or len({one.loss for one in measured}) == 1 or len({one.error for one in measured}) == 1:
        return None
    return float(spearmanr(*zip(*measured, strict=True)).statistic)
