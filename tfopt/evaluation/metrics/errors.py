"""Metrics of numbers (N, ...) that are predicted."""

from collections.abc import Callable

import numpy as np

from tfopt.typing import Array


def mean_absolute(y: Array, answers: Array) -> float:
    """Return the mean absolute error of all numbers."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(y.ravel(), answers.ravel()))


def root_mean_squared(y: Array, answers: Array) -> float:
    """Return the root of the mean squared error of all numbers."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(y.ravel(), answers.ravel()))


def r2(y: Array, answers: Array) -> float:
    """Return the mean share of the variance of each number that is explained."""
    from sklearn.metrics import r2_score

    return float(r2_score(_rows(y), _rows(answers)))


def constant(y: Array, answers: Array) -> str:  # noqa: ARG001  # as the others
    """Say if labels do not vary, so that there is no variance to explain."""
    return "a number that is predicted does not vary there" if (np.ptp(_rows(y), axis=0) == 0).any() else ""


def drawn_mean_absolute(y: Array, answers: Array) -> Callable[[Array], Array]:
    """Return what gives the mean absolute error of draws."""
    errors = np.abs(_rows(answers) - _rows(y)).mean(axis=1)
    return lambda times: times @ errors / times.sum(axis=1)


def drawn_root_mean_squared(y: Array, answers: Array) -> Callable[[Array], Array]:
    """Return what gives the root of the mean squared error of draws."""
    errors = ((_rows(answers) - _rows(y)) ** 2).mean(axis=1)
    return lambda times: np.sqrt(times @ errors / times.sum(axis=1))


def drawn_r2(y: Array, answers: Array) -> Callable[[Array], Array]:
    """Return what gives R2 of draws."""
    true = _rows(y) - _rows(y).mean(axis=0)
    squares, errors = true**2, (_rows(answers) - _rows(y)) ** 2

    def of(times: Array) -> Array:
        total = times.sum(axis=1, keepdims=True)
        variance = times @ squares - (times @ true) ** 2 / total
        found: Array = (1 - times @ errors / np.where(variance > 0, variance, np.nan)).mean(axis=1)
        return found

    return of


def _rows(values: Array) -> Array:
    return values.reshape(len(values), -1).astype(np.float64)
