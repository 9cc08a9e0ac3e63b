"""How to train a model that will be quantized."""

from typing import ClassVar, Literal

from tfopt.config.choices import InterfaceType
from tfopt.config.fields import Count, LearningRate, Seed
from tfopt.config.fine_tuning import TaughtConfig


class QatConfig(TaughtConfig):
    """How to train a model that will be quantized: activations to 8 bits, weights to `bits`."""

    bits: Literal[8, 4] = 8
    io: InterfaceType = "float"
    epochs: Count = 5
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-4
    seed: Seed = 0
    keep_sparsity: bool = True
    keep_clusters: bool = True
    name: ClassVar[str] = "qat"
