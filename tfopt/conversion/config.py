"""What a float `.tflite` file fixes and how it stores zeros."""

from typing import Annotated

from pydantic import Field

from tfopt.config.choices import Sparse
from tfopt.config.fields import Config, Count


class ConvertConfig(Config):
    """Which sizes a `.tflite` file fixes: that of the batch, and whatever else is free, as the length of a sequence."""

    batch: Annotated[Count | None, Field(description="Fix the batch of the .tflite file at N.")] = None
    length: Annotated[Count | None, Field(description="Fix what else is free, as the length of a sequence, at N.")] = (
        None
    )


class FloatConfig(ConvertConfig):
    """How a float `.tflite` file stores zeros: as such, or left out (`sparse`); auto takes what is smaller."""

    sparse: Annotated[
        Sparse,
        Field(description="Leave the zeros of a pruned model out of the .tflite file: auto if it pays."),
    ] = "auto"
