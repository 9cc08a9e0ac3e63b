"""Resizing of images to what a model takes, as a model remembers it that was not made by tfopt."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tfopt.typing import Tensor

Pixels = Annotated[int, Field(ge=1, le=10_000)]


class Resizing(BaseModel):
    """The size that an image gets, and how, in the words of `keras.layers.Resizing`.

    With `crop` or `pad` the sides keep their ratio: what sticks out is cut off, or what is left is black.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: Pixels
    width: Pixels
    channels: Literal[1, 3] = 3
    interpolation: Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"] = "bilinear"
    antialias: bool = False
    crop: bool = False
    pad: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels

    def __call__(self, image: Tensor) -> Tensor:
        """Resize an image (height, width, channels) of any type to floats, also in a graph."""
        import keras
        import tensorflow as tf

        layer = keras.layers.Resizing(
            self.height,
            self.width,
            interpolation=self.interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop,
            pad_to_aspect_ratio=self.pad,
            data_format="channels_last",
        )
        return layer(tf.cast(image, tf.float32))
