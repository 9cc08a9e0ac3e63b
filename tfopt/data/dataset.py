"""A `Dataset` is four disjoint, fixed splits: the test split takes no part in training, calibration or selection."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfopt.choices import Task
from tfopt.config import DataConfig
from tfopt.data.raw import InputKind, Raw
from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.data.vectorizer import Vectorizer
from tfopt.errors import InputError

Array = NDArray[Any]

MOST_CALIBRATION = 500


@dataclass(frozen=True, slots=True)
class Split:
    """Samples as the model is fed: an array (N, ...) for each of its inputs, and labels y.

    Labels are class indices (N,), numbers (N, K), steps to forecast (N, H) or (N, H, V), or target tokens (N, T).
    """

    inputs: tuple[Array, ...]
    y: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> "Split":
        """Samples for a model with one input."""
        return cls((x,), y)

    @property
    def x(self) -> Array:
        """The samples (N, ...) of a model with one input; raise `InputError` if it has several."""
        if len(self.inputs) != 1:
            raise InputError(f"this takes models with one input, but the data feeds {len(self.inputs)}")
        return self.inputs[0]

    def rows(self, rows: Any) -> "Split":
        """Some of the samples: a slice, or an array of indices."""
        return Split(tuple(x[rows] for x in self.inputs), self.y[rows])

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """Train, validation, calibration and test splits of one source, scaled the same way.

    `targets` is how labels that are numbers were scaled. Texts were turned to tokens by `vectorizer`, and those of a
    translation by `target_vectorizer`; `references` are the target texts of the test split as they stood in the source.
    """

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
    task: Task = "classification"
    targets: Scaling = IDENTITY
    vectorizer: Vectorizer | None = None
    target_vectorizer: Vectorizer | None = None
    class_names: tuple[str, ...] | None = None
    references: tuple[str, ...] | None = None

    def splits(self) -> Iterator[tuple[str, Split]]:
        """Yield each split with its name."""
        for name in ("train", "validation", "calibration", "test"):
            yield name, getattr(self, name)


@dataclass(frozen=True)
class Rows:
    """Which rows of a source belong to which split; None where it has a test split of its own."""

    train: Array
    validation: Array
    calibration: Array
    test: Array | None
    notes: tuple[str, ...]


def cut(labels: Array, config: DataConfig, *, own_test: bool, stratified: bool = True) -> Rows:
    """Cut len(labels) rows into splits, stratified by class and fixed by `config.split_seed`.

    A fifth becomes the test split where the source has none; of the rest, `config.validation` becomes the validation
    split and a tenth (at most 500 samples) the calibration split.
    """
    notes: list[str] = []
    by = labels if stratified else None
    rows = np.arange(len(labels))
    test = None
    if not own_test:
        rows, test = _cut(rows, by, round(len(rows) / 5), config.split_seed, notes)
    pool = len(rows)
    rows, validation = _cut(rows, by, max(1, round(pool * config.validation)), config.split_seed, notes)
    calibration_size = min(MOST_CALIBRATION, max(1, pool // 10), len(rows) - 1)
    rows, calibration = _cut(rows, by, calibration_size, config.split_seed, notes)
    return Rows(rows, validation, calibration, test, tuple(dict.fromkeys(notes)))


def split(raw: Raw, config: DataConfig, scaling: Scaling | None = None, targets: Scaling | None = None) -> Dataset:
    """Cut `raw` into splits and scale them; given scalings are used instead of fitted ones."""
    classes = raw.task == "classification"
    rows = cut(raw.y, config, own_test=raw.x_test is not None, stratified=classes)
    scaling = scaling or Scaling.fit(config.scale, raw, raw.x[rows.train])
    targets = targets or (IDENTITY if classes else Scaling.standard(raw.y[rows.train]))
    prepare = scaling if raw.kind != "tokens" else lambda x: x.astype(np.int32)

    def made(x: Array, y: Array) -> Split:
        return Split.of(prepare(x), y if classes else targets(y))

    if rows.test is None:
        assert raw.x_test is not None
        assert raw.y_test is not None
        test = made(raw.x_test, raw.y_test)
    else:
        test = made(raw.x[rows.test], raw.y[rows.test])
    return Dataset(
        config=config,
        kind=raw.kind,
        num_classes=int(raw.y.max()) + 1 if classes else 0,
        scaling=scaling,
        train=made(raw.x[rows.train], raw.y[rows.train]),
        validation=made(raw.x[rows.validation], raw.y[rows.validation]),
        calibration=made(raw.x[rows.calibration], raw.y[rows.calibration]),
        test=test,
        fingerprint=fingerprint(raw.x, raw.y, raw.x_test, raw.y_test),
        vocabulary=raw.vocabulary,
        notes=rows.notes,
        task=raw.task,
        targets=targets,
    )


def _cut(rows: Array, labels: Array | None, size: int, seed: int, notes: list[str]) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if not 0 < size < len(rows):
        raise InputError(f"{size} of {len(rows)} samples cannot be split off; take a smaller share for --validation")
    if labels is not None:
        try:
            kept, cut = train_test_split(rows, test_size=size, random_state=seed, stratify=labels[rows])
            return kept, cut
        except ValueError:  # a class with a single sample, or fewer samples to cut than classes
            notes.append("a split is not stratified: some classes have too few samples")
    kept, cut = train_test_split(rows, test_size=size, random_state=seed)
    return kept, cut


def fingerprint(*arrays: Array | None) -> str:
    """A digest of all values, by which a source that has changed is noticed."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
