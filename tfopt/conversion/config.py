"""What a float `.tflite` file fixes and how it stores zeros."""

from tfopt.config.choices import Sparse
from tfopt.config.fields import Config, Count


class ConvertConfig(Config):
    """Which sizes a `.tflite` file fixes: that of the batch, and whatever else is free, as the length of a sequence."""

    batch: Count | None = None
    length: Count | None = None


class FloatConfig(ConvertConfig):
    """How a float `.tflite` file stores zeros: as such, or left out (`sparse`); auto takes what is smaller."""

    sparse: Sparse = "auto"
