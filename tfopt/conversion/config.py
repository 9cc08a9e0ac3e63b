"""The settings of a float `.tflite` file: which sizes it fixes and how it stores zeros."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import Sparse
from tfopt.config.fields import Config, Count


class ConvertConfig(Config):
    """The sizes that a `.tflite` file fixes: that of the batch, and any other free one, as the length of a sequence."""

    batch: Annotated[Count | None, Field(description="Fix the batch of the .tflite file at N.")] = None
    length: Annotated[Count | None, Field(description="Fix what else is free, as the length of a sequence, at N.")] = (
        None
    )


class FloatConfig(ConvertConfig):
    """The storage of zeros in a float `.tflite` file: as such, or left out (`sparse`); auto takes what is smaller."""

    sparse: Annotated[
        Sparse,
        Field(description="Leave the zeros of a pruned model out of the .tflite file: auto if it pays."),
    ] = "auto"
