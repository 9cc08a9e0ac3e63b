"""Series become windows and what follows each of them; splits are spans of time, so that no model sees the future.

The last fifth of the steps is the test span, and of what is before it the last `validation` share the validation span.
Windows lie within one span. Calibration looks at a tenth of the windows (at most 500) of the train span, spread over
its seasons: they are trained on, too, and share no step with validation or test.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset, Split, fingerprint
from tfopt.data.lazy_arrays import LazyArray, mapped, note_reading, spans, take
from tfopt.data.lazy_windows import LazyWindows
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.sampling import spread_rows
from tfopt.data.scaling import Scaling
from tfopt.data.splits import MOST_CALIBRATION
from tfopt.data.tables import Table
from tfopt.errors import InputError
from tfopt.typing import Array

HORIZON = 24
TEST_SHARE = 0.2
LEAST_WINDOWS = 10


@dataclass(frozen=True)
class Series:
    """Values (T, V) of V columns at T steps of equal length."""

    values: Array
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def extract_series(table: Table) -> Series:
    """Take the columns of numbers as a series; others (dates) are left out and named in a note."""
    columns = tuple(name for name in table.columns if table.is_numeric(name))
    if not columns:
        raise InputError(f"{table.path} has no column of numbers to forecast")
    left = [name for name in table.columns if name not in columns]
    notes = (f"left out, since it holds no numbers: {', '.join(left)}",) if left else ()
    return Series(table.matrix(columns), columns, notes)


def make_forecast_dataset(series: Series, config: DataConfig, fitted: Preprocessor) -> Dataset:
    """Cut a series into spans of time, and these into windows with the steps that follow them.

    Args:
        series: The series.
        config: The config: `window` and `horizon` in steps, `target` the column that is forecast, None for all.
        fitted: What a model remembers from its training, such as its scaling.

    Returns:
        Windows (N, window, V) and the steps after them, (N, horizon, V) or (N, horizon) of one column, scaled.

    Raises:
        InputError: If values are missing, a column is not there, or the series is too short.
    """
    values = _check_values(series, config)
    target = _find_target(series, config)
    horizon = config.horizon or HORIZON
    parts = _split_spans(len(values), config, horizon)
    train = take(values, parts["train"])
    scaling = fitted.scaling or _fit_scaling(config, train)
    wanted = values if target is None else mapped(values, lambda steps: steps[:, target], (), values.dtype)
    targets = fitted.targets or scaling  # a forecast goes on from what is fed: both are in the same units
    if fitted.targets is None and scaling.scale == "standard":
        targets = Scaling.standard(take(wanted, parts["train"]), whole=target is not None)
    x, y = scaling(values), targets(wanted)
    splits = {name: _make_windows(x, y, span, config.window, horizon) for name, span in parts.items()}
    train_windows = splits["train"]
    chosen = spread_rows(len(train_windows), min(MOST_CALIBRATION, max(1, len(train_windows) // 10)))
    return Dataset(
        config=config,
        kind="series",
        num_classes=0,
        scaling=scaling,
        train=train_windows,
        validation=splits["validation"],
        calibration=train_windows.rows(np.asarray(chosen)),
        test=splits["test"],
        fingerprint=fingerprint(values),
        notes=(
            *series.notes,
            *note_reading(values),
            f"split by time: the test windows are in the last {_count(parts['test']):,} steps; the calibration"
            " windows are spread over the train span and trained on, too",
        ),
        task="forecasting",
        targets=targets,
        columns=series.columns,
    )


def _check_values(series: Series, config: DataConfig) -> Array:
    values = series.values
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiub":
        raise InputError(
            f"{config.source}: values has shape {values.shape} and type {values.dtype}; numbers are needed, a row a"
            " step and a column a variate"
        )
    for rows in spans(values):
        wrong = np.argwhere(~np.isfinite(values[rows].astype(np.float32)))
        if len(wrong):
            row, column = rows.start + wrong[0, 0], wrong[0, 1]
            raise InputError(f"{config.source} has NaN or infinity in row {row + 1}, column {series.columns[column]}")
    return values


def _find_target(series: Series, config: DataConfig) -> int | None:
    """Return the index of the one column that is forecast; None for all."""
    if config.target is None:
        return 0 if len(series.columns) == 1 else None
    if config.target not in series.columns:
        raise InputError(
            f"{config.source} has no column {config.target} for `target`: its columns are {', '.join(series.columns)}"
        )
    return series.columns.index(config.target)


def _fit_scaling(config: DataConfig, train: Array) -> Scaling:
    if config.scale in ("unit", "signed"):
        raise InputError(f"`scale` {config.scale} is for 8-bit values; a series is fed standard or none")
    return Scaling(scale="none") if config.scale == "none" else Scaling.standard(train)


def _split_spans(steps: int, config: DataConfig, horizon: int) -> dict[str, slice]:
    test = steps - round(steps * TEST_SHARE)
    validation = test - round(test * config.validation)
    parts = {"train": slice(0, validation), "validation": slice(validation, test), "test": slice(test, steps)}
    for name, span in parts.items():
        found, least = _count(span), config.window + horizon + LEAST_WINDOWS - 1
        if found < least:
            raise InputError(
                f"{config.source} has {steps} steps, {found} of them for {name}; {LEAST_WINDOWS} windows of"
                f" {config.window} steps with {horizon} to forecast need {least}: take a smaller `window` or `horizon`"
            )
    return parts


def _count(span: slice) -> int:
    return int(span.stop - span.start)


def _make_windows(x: Array, y: Array, span: slice, window: int, horizon: int) -> Split:
    """View a span as windows: each run of `window` steps of x, and the `horizon` steps of y after it."""
    if isinstance(x, LazyArray) and isinstance(y, LazyArray):
        starts = np.arange(span.start, span.stop - window - horizon + 1)
        return Split.of(
            cast(Array, LazyWindows(x, starts, window)), cast(Array, LazyWindows(y, starts + window, horizon))
        )
    x, y = x[span].copy(), y[span].copy()
    inputs = sliding_window_view(x[:-horizon], window, axis=0)
    after = sliding_window_view(y[window:], horizon, axis=0)
    return Split.of(np.moveaxis(inputs, -1, 1), after if y.ndim == 1 else np.moveaxis(after, -1, 1))
