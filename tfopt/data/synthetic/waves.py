"""A series that is made up: three columns of hourly values over 200 days, with a day, a week and noise with a memory.

At hour t a column is

    level + a sin(2 pi t / 24 + p) + a / 3 sin(4 pi t / 24 + 2 p) + b sin(2 pi t / 168 + p) + n(t)

with n(t) = 0.8 n(t - 1) + e(t) and e normal, and the third column follows the first by six hours, so that one column
helps to forecast another. What cannot be forecast is e: no model reaches an error of zero.
"""

import numpy as np

from tfopt.data.series import Series
from tfopt.typing import Array

HOURS = 200 * 24
LAG = 6
MEMORY = 0.8
SEED = 20_240_101


def make_waves() -> Series:
    """Make the series with the columns `load`, `heat` and `flow`."""
    rng = np.random.default_rng(SEED)
    load = _make_column(rng, level=100, day=20, week=10, phase=0.0, noise=4)
    heat = _make_column(rng, level=15, day=6, week=1, phase=2.0, noise=1.5)
    flow = 0.5 * np.roll(load, LAG) + _make_column(rng, level=40, day=3, week=5, phase=4.0, noise=2)
    values = np.stack([load, heat, flow], axis=1)[LAG:]
    return Series(values.astype(np.float32), ("load", "heat", "flow"))


def _make_column(
    rng: np.random.Generator, *, level: float, day: float, week: float, phase: float, noise: float
) -> Array:
    hours = np.arange(HOURS + LAG)
    turn = 2 * np.pi * hours / 24
    daily = day * np.sin(turn + phase) + day / 3 * np.sin(2 * turn + 2 * phase)
    shocks = rng.normal(0, noise, len(hours))
    remembered = np.zeros(len(hours))
    for hour in range(1, len(hours)):
        remembered[hour] = MEMORY * remembered[hour - 1] + shocks[hour]
    column: Array = level + daily + week * np.sin(turn / 7 + phase) + remembered
    return column
