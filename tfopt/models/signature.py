"""What goes into a model and comes out of it, as a data set says."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tfopt.choices import Task
from tfopt.data import Dataset
from tfopt.data.raw import InputKind


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out of a model.

    `shapes` has the shape of one sample for each input (two for pairs: source and target tokens), `outputs` that of
    its output: (classes,), (numbers,), (horizon,), (horizon, variates) or (length, target words). A classifier and a
    translator give probabilities, others plain numbers. `column` is the variate that a forecast of (horizon,) goes on
    with.
    """

    kind: InputKind
    task: Task
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]
    vocabulary: int | None = None
    column: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a sample of the first input."""
        return self.shapes[0]

    @property
    def words(self) -> int:
        """How many token ids there are."""
        return self.vocabulary or 0

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Return the signature of a model for `data`."""
        shapes = tuple(x.shape[1:] for x in data.train.inputs)
        match data.task:
            case "classification":
                outputs: tuple[int, ...] = (data.num_classes,)
            case "translation":
                assert data.target_vectorizer is not None
                outputs = (*shapes[1], data.target_vectorizer.size)
            case _:
                outputs = data.train.y.shape[1:]
        return cls(data.kind, data.task, shapes, outputs, data.vocabulary, _column(data))


def _column(data: Dataset) -> int | None:
    """The variate whose last steps are nearest to the first that are forecast, in the train split."""
    if data.task != "forecasting" or data.train.y.ndim != 2:
        return None
    return int(np.abs(data.train.x[:, -1] - data.train.y[:, :1]).mean(axis=0).argmin())
