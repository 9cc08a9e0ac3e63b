"""The content of image files, checked before it is decoded."""

from tfopt.errors import InputError
from tfopt.typing import Tensor
from tfopt.untrusted.images import check_pixels

NO_IMAGE = "is no image (PNG, JPEG, BMP, GIF or WebP)"


def decode_image(content: bytes, name: str, *, channels: int = 0, otherwise: str = NO_IMAGE) -> Tensor:
    """Decode an image to 8-bit values (height, width, channels).

    Args:
        content: The bytes of the file.
        name: What messages call it.
        channels: How many it gets; 0 for those that it has.
        otherwise: What messages say of a file that is no image.

    Raises:
        InputError: If it is no image, is damaged, or holds more pixels than photographs have.
    """
    import tensorflow as tf

    check_pixels(content, name)
    try:
        return tf.io.decode_image(content, channels=channels, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        raise InputError(f"{name} {otherwise} or is damaged") from error
