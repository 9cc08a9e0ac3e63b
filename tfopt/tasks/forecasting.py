"""Forecasting: the next steps of a series follow from a window of it."""

from collections.abc import Callable

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.lazy_arrays import spans
from tfopt.data.linear_forecast import fit_linear_forecast
from tfopt.tasks.rules import Loss, TaskRules, mean_absolute_error, weighted_mean
from tfopt.typing import Array, Clusters

MOST_PARTS, TIMES_SHARED = 10, 8


class Forecasting(TaskRules):
    """Steps to come (N, H), or (N, H, V) of several columns."""

    task = "forecasting"
    simple = "a simple forecast"

    def clusters(self, y: Array) -> Clusters | None:
        """Return which windows share steps or follow each other closely.

        They are cut into at most 10 parts, each 8 times as long as what two windows can share, few and long ones, so
        that neighbouring parts tell little of each other (batch means, Schmeiser 1982).
        """
        parts = min(MOST_PARTS, max(1, len(y) // (TIMES_SHARED * (y.shape[1] - 1) + 1)))
        windows: Clusters = np.arange(len(y)) * parts // len(y)
        return windows

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:  # noqa: ARG002
        """Return the error that a forecast is measured by."""
        return "mean_absolute_error"

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Take the best of a linear forecast and persistence: the last value goes on, or the last horizon repeats."""
        return min([*_persistence(data), _linear(data)], key=lambda found: found[1])


def _persistence(data: Dataset) -> list[tuple[str, float]]:
    """Return the errors of two guesses: the last value goes on, or what was `horizon` steps before comes again."""
    x = data.test.x
    horizon, window = data.test.y.shape[1], x.shape[1]
    found = [("the last value of the window", _error(data, lambda rows: _to_target_units(data, x[rows][:, -1:])))]
    if horizon <= window:
        before = _error(data, lambda rows: _to_target_units(data, x[rows][:, -horizon:]))
        found.append((f"the value {horizon} steps before", before))
    return found


def _error(data: Dataset, guess: Callable[[slice], Array]) -> float:
    """Return the mean absolute error on the test split of what is guessed for some of its windows."""
    x, y = data.test.x, data.test.y
    parts = ((rows, y[rows]) for rows in spans(x, y))
    return weighted_mean((mean_absolute_error(guess(rows), part), len(part)) for rows, part in parts)


def _linear(data: Dataset) -> tuple[str, float]:
    """Return the error of a ridge regression for each column."""
    forecast, x, shape = fit_linear_forecast(data), data.test.x, data.test.y.shape[1:]
    return "a ridge regression per column", _error(data, lambda rows: forecast(x[rows]).reshape(-1, *shape))


def _to_target_units(data: Dataset, x: Array) -> Array:
    """Bring steps of the inputs (N, H, V) to the units of the targets: (N, H, V), or (N, H) of one column."""
    values = data.scaling.inverse(x)
    if data.test.y.ndim == 2:
        columns = data.columns or ()
        values = values[..., columns.index(data.config.target) if data.config.target in columns else 0]
    return data.targets(values)
