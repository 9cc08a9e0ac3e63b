"""One `match` over the architectures; each lives in a file of its own."""

from dataclasses import dataclass
from typing import Self

import keras

from tfopt.choices import Arch, Task
from tfopt.config import ModelConfig
from tfopt.data import Dataset
from tfopt.data.raw import InputKind

SUITED: dict[InputKind, Arch] = {
    "image": "cnn",
    "features": "mlp",
    "tokens": "transformer",
    "series": "rnn",
    "pairs": "seq2seq",
}


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out of a model.

    `shapes` has the shape of one sample for each input (two for pairs: source and target tokens), `outputs` that of
    its output: (classes,), (numbers,), (horizon,), (horizon, variates) or (length, target words). A classifier and a
    translator give probabilities, others plain numbers.
    """

    kind: InputKind
    task: Task
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]
    vocabulary: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a sample of the first input."""
        return self.shapes[0]

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
        return cls(data.kind, data.task, shapes, outputs, data.vocabulary)


def build(config: ModelConfig, signature: Signature) -> keras.Model:
    """Return a new model, by default of the architecture that suits the data; raise `InputError` if it does not fit."""
    from tfopt.models.cnn import cnn
    from tfopt.models.mlp import mlp

    match config.arch or SUITED[signature.kind]:
        case "mlp":
            return mlp(config, signature)
        case "cnn":
            return cnn(config, signature)
        case _:
            raise NotImplementedError
