"""The settings of a `.tflite` file: which sizes it fixes, what it takes and gives, and how it stores zeros."""

from typing import Annotated, TypeVar

from pydantic import ByteSize, Field

from tfopt.config.choices import InterfaceType, Sparse
from tfopt.config.fields import Config, Count, Option

C = TypeVar("C", bound=Config)


class NamesConfig(Config):
    """The choice whether the tensors of a `.tflite` file have names, which people read, and tools that quantize."""

    keep_names: Annotated[
        bool,
        Field(description="Keep the names of all tensors in the .tflite file, not only of its inputs and outputs."),
        Option(flag="--keep-names"),
    ] = False


class PackConfig(NamesConfig):
    """The names that packed files keep, and the size that they are held to."""

    max_size: Annotated[
        ByteSize | None,
        Field(description="Fail if a packed file is larger: 30kB, 1.5MB."),
        Option("SIZE", panel="Limits"),
    ] = None


class MetadataConfig(NamesConfig):
    """The choice whether a `.tflite` file remembers its making, as a `.keras` file does."""

    metadata: Annotated[
        bool,
        Field(description="Let the .tflite file remember its data, scaling, labels and history, for commands to read."),
    ] = True


class ConvertConfig(MetadataConfig):
    """The sizes that a `.tflite` file fixes: that of the batch, and any other free one, as the length of a sequence."""

    batch: Annotated[
        Count | None,
        Field(
            description="Fix the batch of the .tflite file at N; left out: 1 in C or with integer inputs, else free."
        ),
    ] = None
    length: Annotated[Count | None, Field(description="Fix what else is free, as the length of a sequence, at N.")] = (
        None
    )

    @property
    def fixed_batch(self) -> int | None:
        """Return the batch that the file is fixed at; None where it is free."""
        return self.batch


class InterfaceConfig(ConvertConfig):
    """The type of what a file of integers takes and gives: where that is integers, it takes one sample at a time.

    A microcontroller runs no more, and a free batch costs operations that compute its size.
    """

    io: Annotated[InterfaceType, Field(description="Type of the inputs and outputs of an int8 file.")] = "float"

    @property
    def fixed_batch(self) -> int | None:
        """Return the batch that the file is fixed at; None where it is free."""
        return self.batch or (1 if self.io != "float" else None)


def for_c_array(config: C) -> C:
    """Return what is asked for if the file becomes a C array: one sample at a time unless another batch is named."""
    if isinstance(config, ConvertConfig) and config.batch is None:
        return config.model_copy(update={"batch": 1})
    return config


class FloatConfig(ConvertConfig):
    """The storage of zeros in a float `.tflite` file: as such, or left out (`sparse`); auto takes what is smaller."""

    sparse: Annotated[
        Sparse,
        Field(description="Leave the zeros of a pruned model out of the .tflite file: auto if it pays."),
    ] = "auto"
