"""One `match` over the architectures; each lives in a file of its own."""

from typing import NamedTuple, Self

import keras

from tfopt.choices import Arch
from tfopt.data import Dataset
from tfopt.data.raw import InputKind


class Signature(NamedTuple):
    """What goes in and what comes out: `shape` of one sample, how to read it, and the number of classes."""

    shape: tuple[int, ...]
    kind: InputKind
    num_classes: int
    vocabulary: int | None = None

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Return the signature of a model for `data`."""
        return cls(data.train.x.shape[1:], data.kind, data.num_classes, data.vocabulary)


def build(arch: Arch, signature: Signature) -> keras.Model:
    """Return a new model named `arch` with class probabilities (N, num_classes) as its output."""
    from tfopt.models.cnn import cnn
    from tfopt.models.mlp import mlp

    match arch:
        case "cnn":
            return cnn(signature)
        case "mlp":
            return mlp(signature)
