"""Whole numbers that are token ids, not amounts: they name words, so that which is larger says nothing.

A row of ids is told from a row of amounts by what ids have in common: they take many values, the same in each column,
and neighbours do not follow from each other, as the samples of a sound or the pixels of an image do.
"""

import numpy as np

from tfopt.data.lazy_arrays import pieces
from tfopt.data.sampling import fair_order
from tfopt.errors import InputError
from tfopt.typing import Array

LOOKED_AT = 2000  # rows
LEAST_LENGTH = 8
LEAST_VALUES = 257  # more than bytes have
MOST_IDS = 1_000_000
MOST_SPREAD = 8  # times that the typical number of most columns may differ
MOST_CORRELATED = 0.5
LEAST_ROWS = 20  # of a column that are no padding


def look_like_ids(x: Array) -> bool:
    """Tell whether rows (N, T) of numbers are token ids, 0 where a text is shorter than T.

    >>> look_like_ids(np.random.default_rng(0).zipf(1.3, (300, 20)) % 5000)
    True
    >>> look_like_ids(np.random.default_rng(0).integers(0, 256, (300, 20)))
    False
    """
    if x.ndim != 2 or x.shape[1] < LEAST_LENGTH or not _are_ids(x):
        return False
    some = x[fair_order(np.empty(len(x)))[:LOOKED_AT]].astype(np.float64)
    if len(np.unique(some)) < LEAST_VALUES:
        return False
    columns = [column[column > 0] for column in some.T]
    typical = np.array([np.quantile(np.log(column), 0.75) for column in columns if len(column) >= LEAST_ROWS])
    if len(typical) < LEAST_LENGTH // 2 or np.subtract(*np.quantile(typical, (0.9, 0.1))) > np.log(MOST_SPREAD):
        return False
    both = (some[:, 1:] > 0) & (some[:, :-1] > 0)
    before, after = some[:, :-1][both], some[:, 1:][both]
    return len(before) > 1 and not abs(np.corrcoef(before, after)[0, 1]) > MOST_CORRELATED


def check_ids(x: Array, path: str) -> None:
    """Raise `InputError` unless rows (N, T) can be token ids."""
    if x.ndim != 2 or not _are_ids(x):
        raise InputError(
            f"{path} has samples of shape {x.shape[1:]} from {x.min():g} to {x.max():g}; `tokens` are rows of whole"
            f" numbers from 0 to {MOST_IDS:,}"
        )


def _are_ids(x: Array) -> bool:
    if x.dtype.kind not in "iuf" or 0 in x.shape:
        return False
    return all(
        bool(part.min() >= 0 and part.max() <= MOST_IDS and (part.dtype.kind != "f" or (part == np.round(part)).all()))
        for part in pieces(x)
    )
