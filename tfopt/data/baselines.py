"""Scores of plain methods on the test split: the least that a model has to beat.

A classifier is compared with the most frequent class, a regression with the median of the train split, and a forecast
with a linear one and with persistence: the last value goes on, or what was one horizon before comes again.
"""

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.linear_forecast import fit_linear_forecast
from tfopt.typing import Array


def measure_baseline(data: Dataset) -> tuple[str, float]:
    """Score the plain methods for the task of `data` on its test split, and take the better one.

    Args:
        data: Data for classification, regression or forecasting. Translations have no such baseline: theirs is BLEU.

    Returns:
        A name of the method, such as "always praise", and its accuracy (0..1) or its mean absolute error in the units
        that a model is measured in.
    """
    match data.task:
        case "classification":
            return _score_most_frequent(data)
        case "regression":
            return "always the median of the train split", _mean_absolute_error(
                np.median(data.train.y, axis=0), data.test.y
            )
        case "forecasting":
            return min([*_score_persistence(data), _score_linear(data)], key=lambda found: found[1])
        case _:
            raise ValueError(data.task)


def _score_most_frequent(data: Dataset) -> tuple[str, float]:
    most = int(np.argmax(np.bincount(data.train.y)))
    name = data.class_names[most] if data.class_names else f"class {most}"
    return f"always {name}", float((data.test.y == most).mean())


def _score_persistence(data: Dataset) -> list[tuple[str, float]]:
    """Return the errors of two guesses: the last value goes on, or what was `horizon` steps before comes again."""
    x, y = data.test.x, data.test.y
    horizon, window = y.shape[1], x.shape[1]
    found = [("the last value of the window", _mean_absolute_error(_to_target_units(data, x[:, -1:]), y))]
    if horizon <= window:
        found.append(
            (f"the value {horizon} steps before", _mean_absolute_error(_to_target_units(data, x[:, -horizon:]), y))
        )
    return found


def _score_linear(data: Dataset) -> tuple[str, float]:
    """Return the error of a ridge regression for each column."""
    steps = fit_linear_forecast(data)(data.test.x)
    return "a ridge regression per column", _mean_absolute_error(steps.reshape(data.test.y.shape), data.test.y)


def _to_target_units(data: Dataset, x: Array) -> Array:
    """Bring steps of the inputs (N, H, V) to the units of the targets: (N, H, V), or (N, H) of one column."""
    values = data.scaling.inverse(x)
    if data.test.y.ndim == 2:
        columns = data.columns or ()
        values = values[..., columns.index(data.config.target) if data.config.target in columns else 0]
    return data.targets(values)


def _mean_absolute_error(guess: Array, y: Array) -> float:
    return float(np.abs(guess - y).mean())
