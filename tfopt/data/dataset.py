"""A `Dataset` is four disjoint, fixed splits: the test split takes no part in training, calibration or selection."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfopt.config import DataConfig
from tfopt.data.raw import InputKind, Raw
from tfopt.data.scaling import Scaling
from tfopt.errors import InputError

Array = NDArray[Any]

MOST_CALIBRATION = 500


class Split(NamedTuple):
    """Samples x (N, ...), scaled as the model wants them, and class indices y (N,)."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Dataset:
    """Train, validation, calibration and test splits of one source, scaled the same way."""

    config: DataConfig
    kind: InputKind
    num_classes: int
    scaling: Scaling
    train: Split
    validation: Split
    calibration: Split
    test: Split
    fingerprint: str
    vocabulary: int | None = None
    notes: tuple[str, ...] = ()

    def splits(self) -> Iterator[tuple[str, Split]]:
        """Yield each split with its name."""
        for name in ("train", "validation", "calibration", "test"):
            yield name, getattr(self, name)


def split(raw: Raw, config: DataConfig, scaling: Scaling | None = None) -> Dataset:
    """Cut `raw` into splits, stratified by class and fixed by `config.split_seed`, and scale them.

    A fifth becomes the test split where the source has none; of the rest, `config.validation` becomes the validation
    split and a tenth (at most 500 samples) the calibration split. A given `scaling` is used instead of a fitted one.
    """
    notes: list[str] = []
    rows = np.arange(len(raw.y))
    if raw.x_test is None or raw.y_test is None:
        rows, test_rows = _cut(rows, raw.y, round(len(rows) / 5), config.split_seed, notes)
        x_test, y_test = raw.x[test_rows], raw.y[test_rows]
    else:
        x_test, y_test = raw.x_test, raw.y_test
    pool = len(rows)
    rows, validation = _cut(rows, raw.y, max(1, round(pool * config.validation)), config.split_seed, notes)
    calibration_size = min(MOST_CALIBRATION, max(1, pool // 10), len(rows) - 1)
    rows, calibration = _cut(rows, raw.y, calibration_size, config.split_seed, notes)
    scaling = scaling or Scaling.fit(config.scale, raw, raw.x[rows])
    prepare = scaling if raw.kind != "tokens" else lambda x: x.astype(np.int32)
    return Dataset(
        config=config,
        kind=raw.kind,
        num_classes=int(raw.y.max()) + 1,
        scaling=scaling,
        train=Split(prepare(raw.x[rows]), raw.y[rows]),
        validation=Split(prepare(raw.x[validation]), raw.y[validation]),
        calibration=Split(prepare(raw.x[calibration]), raw.y[calibration]),
        test=Split(prepare(x_test), y_test),
        fingerprint=_fingerprint(raw),
        vocabulary=raw.vocabulary,
        notes=tuple(dict.fromkeys(notes)),
    )


def _cut(rows: Array, labels: Array, size: int, seed: int, notes: list[str]) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if not 0 < size < len(rows):
        raise InputError(f"{size} of {len(rows)} samples cannot be split off; take a smaller share for --validation")
    try:
        kept, cut = train_test_split(rows, test_size=size, random_state=seed, stratify=labels[rows])
    except ValueError:  # a class with a single sample, or fewer samples to cut than classes
        notes.append("a split is not stratified: some classes have too few samples")
        kept, cut = train_test_split(rows, test_size=size, random_state=seed)
    return kept, cut


def _fingerprint(raw: Raw) -> str:
    digest = hashlib.sha256()
    for array in (raw.x, raw.y, raw.x_test, raw.y_test):
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
