"""Options of quantization-aware training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tfopt.config.fields import AdamRate, BatchSize, Epochs, Option, Seed
from tfopt.config.fine_tuning import TaughtConfig
from tfopt.conversion.config import InterfaceConfig
from tfopt.evaluation.config import AnswerLimits


class QatConfig(TaughtConfig, InterfaceConfig, AnswerLimits):
    """Options of quantization-aware training: activations to 8 bits, weights to `bits`.

    The file is held to what the model loses that it is made from: 5 points of accuracy, or 10 % more error, if no limit
    is given.
    """

    bits: Annotated[Literal[8, 4], Field(description="Bits of a weight."), Option("8|4")] = 8
    epochs: Epochs = 5
    batch_size: BatchSize = 64
    learning_rate: AdamRate = 1e-4
    seed: Seed = 0
    full_integer: Annotated[
        bool, Field(description="Fail if an operation computes in floats."), Option(flag="--full-integer")
    ] = False
    keep_sparsity: Annotated[bool, Field(description="Keep the zeros of a pruned model.")] = True
    keep_clusters: Annotated[bool, Field(description="Keep the shared weights of a clustered model.")] = True
    name: ClassVar[str] = "qat"
