"""A linear forecast: each column from its own window by a ridge regression, which many networks do not beat.

After NLinear (Zeng et al. 2023, arXiv:2205.13504, section 4): the last step is subtracted from the window, as the level
of a series drifts. The regression (Hoerl & Kennard 1970) is fitted on the train split and its penalty chosen on the
validation split, by the mean absolute error.
"""

from typing import NamedTuple

import numpy as np

from tfopt.data.dataset import Dataset, Split
from tfopt.data.lazy_arrays import LazyArray, pieces, spans
from tfopt.data.sampling import fair_order
from tfopt.typing import Array

PENALTIES = tuple(10.0**power for power in range(-6, 3))
MOST_WINDOWS = 10_000  # that it is fitted on, and of a series that is not held judged by


class LinearForecast(NamedTuple):
    """Weights (T, V, H) and bias (H, V) of V columns: from T steps, relative to the last, to the next H.

    The forecast is the linear map plus the last `repeated` steps, one or H of them. `columns` are those of the data.
    """

    kernel: Array
    bias: Array
    repeated: int
    columns: tuple[int, ...]

    def __call__(self, x: Array) -> Array:
        """Forecast windows x (N, T, all columns): (N, H, V)."""
        return np.concatenate([self._steps(piece) for piece in pieces(x)])

    def _steps(self, x: Array) -> Array:
        steps = []
        for at, column in enumerate(self.columns):
            window = x[:, :, column]
            steps.append(
                (window - window[:, -1:]) @ self.kernel[:, at] + self.bias[:, at] + window[:, -self.repeated :]
            )
        return np.stack(steps, axis=-1)


def forecast_column(data: Dataset) -> int | None:
    """Return the index of the column that is forecast, if it is one."""
    if data.task != "forecasting" or data.train.y.ndim != 2:
        return None
    columns = data.columns or ()
    return columns.index(data.config.target) if data.config.target in columns else 0


def count_repeated(data: Dataset) -> int:
    """Return how many steps at the end of a window are nearer to the next ones in the train split: one, or as many."""
    horizon: int = data.train.y.shape[1]
    window, column = data.train.x.shape[1], forecast_column(data)
    if horizon > window:
        return 1
    error = dict.fromkeys((1, horizon), 0.0)
    for rows in spans(data.train.x, data.train.y):
        x, y = data.train.x[rows], data.train.y[rows]
        x = x if column is None else x[..., column]
        for steps in error:
            error[steps] += float(np.abs(x[:, -steps:] - y).mean()) * len(x)
    return min(error, key=lambda steps: error[steps])


def fit_linear_forecast(data: Dataset) -> LinearForecast:
    """Fit a linear forecast on the train split of a series, with penalties chosen on its validation split."""
    column, repeated = forecast_column(data), count_repeated(data)
    columns = tuple(range(data.train.x.shape[2])) if column is None else (column,)
    train = data.train.rows(np.sort(fair_order(data.train.y)[:MOST_WINDOWS]))
    lazy = isinstance(data.validation.x, LazyArray)
    validation = data.validation.rows(np.sort(fair_order(data.validation.y)[:MOST_WINDOWS]) if lazy else slice(None))
    found = [
        _best_ridge(_pair(train, c, at, repeated), _pair(validation, c, at, repeated)) for at, c in enumerate(columns)
    ]
    kernels, biases = zip(*found, strict=True)
    kernel, bias = np.stack(kernels, axis=1), np.stack(biases, axis=1)
    return LinearForecast(kernel.astype(np.float32), bias.astype(np.float32), repeated, columns)


def _pair(split: Split, column: int, at: int, repeated: int) -> tuple[Array, Array]:
    """Return windows (N, T) of a column relative to their last step, and what follows relative to the last steps."""
    x = split.x[:, :, column].astype(np.float64)
    y = split.y if split.y.ndim == 2 else split.y[:, :, at]
    return x - x[:, -1:], y - x[:, -repeated:]


def _best_ridge(train: tuple[Array, Array], validation: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the weights and the bias of the penalty with the lowest mean absolute error on `validation`."""
    x, y = validation
    candidates = [(np.abs(x @ kernel + bias - y).mean(), kernel, bias) for kernel, bias in ridge(*train, PENALTIES)]
    _, kernel, bias = min(candidates, key=lambda one: one[0])
    return kernel, bias


def ridge(x: Array, y: Array, penalties: tuple[float, ...]) -> list[tuple[Array, Array]]:
    """Solve min |y - x W - b|^2 / N + penalty |W|^2 for each penalty, by one eigendecomposition of x'x.

    >>> [(kernel, bias)] = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]]), (1e-9,))
    >>> round(float(kernel[0, 0]), 3), round(float(bias[0]), 3)
    (2.0, 1.0)
    """
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean_x
    values, vectors = np.linalg.eigh(centred.T @ centred)
    projected = vectors.T @ (centred.T @ (y - mean_y))
    kernels = [vectors @ (projected / (np.maximum(values, 0) + p * len(x))[:, np.newaxis]) for p in penalties]
    return [(kernel, mean_y - mean_x @ kernel) for kernel in kernels]
