"""What goes into a model and comes out of it, as a data set says."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset
from tfopt.data.raw_data import InputKind


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out of a model.

    `shapes` has the shape of one sample for each input (two for pairs: source and target tokens), `outputs` that of
    its output: (classes,), (numbers,), (horizon,), (horizon, variates) or (length, target words). A classifier and a
    translator give probabilities, others plain numbers. A forecast goes on from the last `repeated` steps; one
    of (horizon,) is about the variate `column`.
    """

    kind: InputKind
    task: Task
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]
    vocabulary: int | None = None
    column: int | None = None
    repeated: int = 1

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
        column = _column(data)
        repeated = _repeated(data, column) if data.task == "forecasting" else 1
        return cls(data.kind, data.task, shapes, outputs, data.vocabulary, column, repeated)


def _column(data: Dataset) -> int | None:
    """Which of the variates is forecast, if it is one."""
    if data.task != "forecasting" or data.train.y.ndim != 2:
        return None
    columns = data.columns or ()
    return columns.index(data.config.target) if data.config.target in columns else 0


def _repeated(data: Dataset, column: int | None) -> int:
    """How many steps at the end of a window are nearer to what follows it in the train split: one, or as many."""
    horizon, window = data.train.y.shape[1], data.train.x.shape[1]
    if horizon > window:
        return 1
    x = data.train.x if column is None else data.train.x[..., column]
    error = {steps: float(np.abs(x[:, -steps:] - data.train.y).mean()) for steps in (1, horizon)}
    return min(error, key=lambda steps: error[steps])
