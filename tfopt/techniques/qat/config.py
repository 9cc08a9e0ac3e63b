"""Options of quantization-aware training."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tfopt.config.choices import Engine, WeightType
from tfopt.config.fields import BatchSize, Count, LearningRate, Option, Seed
from tfopt.config.fine_tuning import Augmentations, SelfTaughtConfig
from tfopt.conversion.config import InterfaceConfig
from tfopt.evaluation.config import AnswerLimits

MOST_BITS = 8
RATE, RATE_OF_TFMOT = 3e-3, 1e-4
EPOCHS, EPOCHS_OF_FEW_BITS = 5, 20
Bits = Literal[8, 4, 3, 2]


def _read_layer_bits(given: object) -> object:
    if not isinstance(given, str):
        return given
    pairs = [part.strip().rpartition("=") for part in given.split(",")]
    if not all(name and bits.isdecimal() for name, _, bits in pairs):
        raise ValueError(f"{given} says no bits of layers; write it like conv2d_7=2,dense=8")
    return {name: int(bits) for name, _, bits in pairs}


LayerBits = Annotated[dict[str, Bits], BeforeValidator(_read_layer_bits)]


class QatConfig(SelfTaughtConfig, InterfaceConfig, AnswerLimits):
    """Options of quantization-aware training: activations to 8 bits, weights to 8, 4, 3 or 2.

    `layer_bits` are the bits of the weights of some layers by their names, and `weights` that of the others. The model
    as it was given is the teacher, unless another is named; with a `teacher_weight` of 0 the labels alone are learnt.
    The file is held to what the model loses that it is made from: 5 points of accuracy, or 10 % more error, if no limit
    is given.
    """

    weights: Annotated[
        WeightType,
        Field(description="The bits that weights are trained for; those of 3 bits take 4 in the file."),
    ] = "int8"
    layer_bits: Annotated[
        LayerBits | None,
        Field(description="Bits of the weights of some layers by their names, as conv2d_7=2,dense=8."),
        Option("NAME=BITS,..."),
    ] = None
    keep_first_last: Annotated[
        bool,
        Field(description="Keep the first and the last kernel, and depthwise ones, at 8 bits where that is cheap."),
        Option(flag="--keep-first-last/--all-layers"),
    ] = True
    qat_engine: Annotated[
        Engine,
        Field(description="Train in Keras 3 (tfopt), or by TensorFlow Model Optimization in tf_keras (8 or 4 bits)."),
    ] = "tfopt"
    epochs: Annotated[
        Count | None,
        Field(description=f"Most epochs to train ({EPOCHS}; {EPOCHS_OF_FEW_BITS} with fewer than 8 bits)."),
    ] = None
    batch_size: BatchSize = 64
    learning_rate: Annotated[
        LearningRate | None,
        Field(
            description=f"Learning rate of Adam at the start, relative to the size of each kernel; it falls to zero"
            f" ({RATE:g}). With `qat_engine` tfmot that of Adam ({RATE_OF_TFMOT:g})."
        ),
    ] = None
    augment: Annotated[
        Augmentations,
        Field(description="Change samples a little each epoch: flip, crop, rotate, noise, mixup; nothing unasked."),
    ] = ()
    seed: Seed = 0
    full_integer: Annotated[
        bool, Field(description="Fail if an operation computes in floats."), Option(flag="--full-integer")
    ] = False
    keep_sparsity: Annotated[bool, Field(description="Keep the zeros of a pruned model.")] = True
    keep_clusters: Annotated[bool, Field(description="Keep the shared weights of a clustered model.")] = True
    name: ClassVar[str] = "qat"

    @property
    def weight_bits(self) -> int:
        """Return the bits of a weight."""
        return int(self.weights.removeprefix("int"))

    @property
    def few_bits(self) -> bool:
        """Tell whether any weights have fewer than 8 bits."""
        return min([self.weight_bits, *(self.layer_bits or {}).values()]) < MOST_BITS

    @property
    def most_epochs(self) -> int:
        """Return the epochs to train."""
        return self.epochs or (EPOCHS_OF_FEW_BITS if self.few_bits else EPOCHS)

    @property
    def rate(self) -> float:
        """Return the learning rate to start with."""
        return self.learning_rate or (RATE if self.qat_engine == "tfopt" else RATE_OF_TFMOT)

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.qat_engine == "tfopt":
            return self
        if self.weights not in ("int8", "int4"):
            raise ValueError(f"`qat_engine` tfmot trains weights of 8 or 4 bits: no `weights` {self.weights}")
        if self.layer_bits or self.augment:
            raise ValueError(
                "`qat_engine` tfmot trains all layers alike on samples as they are: no `layer_bits` or `augment`"
            )
        return self
