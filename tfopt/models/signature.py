"""The signature of a model: the shapes of its inputs and outputs, as a data set says."""

from dataclasses import dataclass
from typing import Self

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset
from tfopt.data.linear_forecast import count_repeated, forecast_column
from tfopt.data.raw_data import InputKind
from tfopt.tasks.registry import rules_for


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    Attributes:
        kind: The kind of the samples.
        task: The task; a classifier and a translator give probabilities, others plain numbers.
        shapes: Shape of one sample for each input (two for pairs: source and target tokens).
        outputs: Shape of one output: (classes,), (numbers,), (horizon,), (horizon, variates), (length, target words),
            (height, width, classes) or (height, width, channels).
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
        outputs = rules_for(data).output_shape(data)
        column = forecast_column(data)
        repeated = count_repeated(data) if data.task == "forecasting" else 1
        return cls(data.kind, data.task, shapes, outputs, data.vocabulary, column, repeated)
