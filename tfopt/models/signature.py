"""The signature of a model: the shapes of its inputs and outputs, as a data set says."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset
from tfopt.data.raw_data import InputKind


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    Attributes:
        kind: The kind of the samples.
        task: The task; a classifier and a translator give probabilities, others plain numbers.
        shapes: Shape of one sample for each input (two for pairs: source and target tokens).
        outputs: Shape of one output: (classes,), (numbers,), (horizon,), (horizon, variates) or (length, target words).
        vocabulary: Number of token ids, for tokens.
        column: The variate that a forecast of (horizon,) is about.
        repeated: Number of last steps from which a forecast goes on.
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
        """Number of token ids."""
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
        column = _forecast_column(data)
        repeated = _count_repeated(data, column) if data.task == "forecasting" else 1
        return cls(data.kind, data.task, shapes, outputs, data.vocabulary, column, repeated)


def _forecast_column(data: Dataset) -> int | None:
    """Return the index of the variate that is forecast, if it is one."""
    if data.task != "forecasting" or data.train.y.ndim != 2:
        return None
    columns = data.columns or ()
    return columns.index(data.config.target) if data.config.target in columns else 0


def _count_repeated(data: Dataset, column: int | None) -> int:
    """Return how many steps at the end of a window are nearer to the next ones in the train split: one, or as many."""
    horizon, window = data.train.y.shape[1], data.train.x.shape[1]
    if horizon > window:
        return 1
    x = data.train.x if column is None else data.train.x[..., column]
    error = {steps: float(np.abs(x[:, -steps:] - data.train.y).mean()) for steps in (1, horizon)}
    return min(error, key=lambda steps: error[steps])
