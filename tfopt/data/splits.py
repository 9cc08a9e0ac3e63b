"""The split of each row of a source: as the source says, else by chance, stratified by class.

The seed of the config fixes the draw, so that a model is always measured on samples it has not seen.
"""

import re
from dataclasses import dataclass

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.stratification import split_by_class
from tfopt.errors import InputError
from tfopt.typing import Array

MOST_CALIBRATION = 500
SPLIT_NAMES = re.compile(r"(?:(train(?:ing)?)|(test)|(val|valid|validation|dev))(?:[\W\d_].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class SplitRows:
    """The rows of each split of a source; `test` is None where it has a test split of its own."""

    train: Array
    validation: Array
    calibration: Array
    test: Array | None
    notes: tuple[str, ...]


def parse_split_name(name: str) -> str | None:
    """Return "train", "validation" or "test", as a source means it by `name`; None if it is no name of a split.

    >>> parse_split_name("val"), parse_split_name("test_2016"), parse_split_name("cats")
    ('validation', 'test', None)
    """
    found = SPLIT_NAMES.fullmatch(name.strip())
    return ("train", "test", "validation")[found.lastindex - 1] if found and found.lastindex else None


def split_rows(
    labels: Array, config: DataConfig, *, own_test: bool, stratified: bool = True, parts: Array | None = None
) -> SplitRows:
    """Assign rows to splits, the same for the same seed.

    A fifth becomes the test split where the source has none; of the rest, `config.validation` becomes the validation
    split, if there is none, and a tenth (at most 500 samples) the calibration split.

    Args:
        labels: The labels (N,) or (N, ...) of the rows.
        config: The config, for `validation` and `split_seed`.
        own_test: True if the source has a test split elsewhere.
        stratified: True to keep the shares of the classes in each split.
        parts: The split (N,) that the source has for a row, which is kept.

    Returns:
        The indices of the rows of each split, and notes for the report.

    Raises:
        InputError: If a split would be empty.

        >>> rows = split_rows(np.repeat([0, 1], 50), DataConfig(validation=0.25), own_test=False)
        >>> len(rows.train), len(rows.validation), len(rows.calibration), len(rows.test)
        (52, 20, 8, 20)
    """
    notes: list[str] = []
    by = labels if stratified else None
    rows = np.arange(len(labels)) if parts is None else np.flatnonzero(parts == "train")
    test, validation = _rows_of(parts, "test"), _rows_of(parts, "validation")
    if test is None and not own_test:
        rows, test = _split_off(rows, by, round(len(rows) / 5), config.split_seed, notes)
    pool = len(rows)
    if validation is None:
        rows, validation = _split_off(rows, by, max(1, round(pool * config.validation)), config.split_seed, notes)
    else:  # a source is often sorted by class
        validation = np.random.default_rng(config.split_seed).permutation(validation)
    calibration_size = min(MOST_CALIBRATION, max(1, pool // 10), len(rows) - 1)
    rows, calibration = _split_off(rows, by, calibration_size, config.split_seed, notes)
    return SplitRows(rows, validation, calibration, test, tuple(dict.fromkeys(notes)))


def _rows_of(parts: Array | None, part: str) -> Array | None:
    found = np.flatnonzero(parts == part) if parts is not None else np.zeros(0, np.int64)
    return found if len(found) else None


def _split_off(rows: Array, labels: Array | None, size: int, seed: int, notes: list[str]) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if not 0 < size < len(rows):
        raise InputError(f"{size} of {len(rows)} samples cannot be split off; take a smaller share for `validation`")
    if labels is not None:
        try:
            kept, cut = split_by_class(labels[rows], size, seed)
            return rows[kept], rows[cut]
        except ValueError:  # a class with a single sample, or fewer samples to cut than classes
            notes.append("a split is not stratified: some classes have too few samples")
    kept, cut = train_test_split(rows, test_size=size, random_state=seed)
    return kept, cut
