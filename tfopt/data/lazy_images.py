"""Image files that are decoded when they are asked for, so that a folder may be larger than the memory.

In a `tf.data` pipeline the paths of `LazyImages` are decoded batch by batch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tfopt.data.lazy_arrays import Index, LazyArray
from tfopt.data.mask_files import make_mask_decoder
from tfopt.data.resizing import Resizing
from tfopt.data.scaling import Scaling
from tfopt.errors import InputError
from tfopt.typing import Array, Tensor

if TYPE_CHECKING:
    from hashlib import _Hash

AT_ONCE = 64


@dataclass(frozen=True)
class LazyImages(LazyArray):
    """Stands for an array (N, height, width, channels) of the images at `paths` (N,), resized to `size`.

    A slice or an array of indices decodes those images: to 8-bit values, or to float32 once there is a `scaling`.
    `digest` is of the bytes of all files; `resizing` says how, where a model remembers that. Of masks, which are
    (N, height, width), the `values` are those of the classes in order.
    """

    paths: Array
    size: tuple[int, ...]
    digest: str
    scaling: Scaling | None = None
    resizing: Resizing | None = None
    values: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, height, width, channels), or without an axis of one channel if it was reshaped so."""
        return (len(self.paths), *self.size)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""
        return np.dtype(np.float32 if self.scaling else np.uint8)

    @property
    def at_once(self) -> int:
        """Number of images that are decoded together."""
        return AT_ONCE

    def _fetch(self, rows: Index) -> Array:
        decoded: Array = self._decoder(self.paths[rows]).numpy().reshape(-1, *self.size)
        return self.scaling(decoded) if self.scaling else decoded

    def rows(self, rows: Index) -> Self:
        """Return some of the images, still undecoded, chosen by a slice or an array of indices."""
        return replace(self, paths=self.paths[rows])

    def scaled(self, scaling: Scaling) -> Self:
        """Return the same images, scaled."""
        return replace(self, scaling=scaling)

    def reshape(self, count: int, *size: int) -> Self:  # noqa: ARG002
        """Return the same images with an axis of one channel more or less."""
        return replace(self, size=size)

    def check(self) -> None:
        """Raise `InputError` if a file is gone."""
        gone = next((path for path in self.paths if not Path(path).is_file()), None)
        if gone is not None:
            raise InputError(f"{gone} is not there any more: start again")

    def update(self, digest: "_Hash") -> None:
        """Add the digest of the bytes of all files."""
        digest.update(self.digest.encode())

    def reader(self) -> Callable[[Tensor], Tensor]:
        """Make a function that decodes a tensor of rows in a graph."""
        import tensorflow as tf

        paths = tf.constant(self.paths, tf.string)
        return lambda rows: self._tensor(tf.gather(paths, rows))

    def _tensor(self, paths: Tensor) -> Tensor:
        """Decode some of the `paths` in a graph: the tensor that indexing gives as an array."""
        import tensorflow as tf

        images = tf.reshape(self._decoder(paths), (-1, *self.size))
        if self.scaling is None:
            return images
        mean, deviation = (tf.constant(v, tf.float32) for v in (self.scaling.mean, self.scaling.deviation))
        return (tf.cast(images, tf.float32) - mean) / deviation

    @property
    def _decoder(self) -> Any:
        if self.values is not None:
            return make_mask_decoder(self.size, self.values)
        height, width, *channels = self.size
        return make_decoder((height, width, (channels or [1])[0]), self.resizing)


@cache
def make_decoder(size: tuple[int, int, int], resizing: Resizing | None = None) -> Any:
    """Make a function of paths (N,) that decodes those files to `size`, (N, height, width, channels) of 8 bits."""
    import tensorflow as tf

    height, width, channels = size

    def one(path: Tensor) -> Tensor:
        image = tf.io.decode_image(tf.io.read_file(path), expand_animations=False)
        image.set_shape((None, None, None))
        grey = image[..., :1]
        if channels == 3:
            image = tf.cond(tf.shape(image)[-1] < 3, lambda: tf.repeat(grey, 3, axis=-1), lambda: image[..., :3])
        else:
            image = grey
        resized = resizing(image) if resizing else tf.image.resize(image, (height, width), antialias=True)
        image = tf.round(resized)
        return tf.ensure_shape(tf.saturate_cast(image, tf.uint8), size)

    def many(paths: Tensor) -> Tensor:
        return tf.map_fn(one, paths, fn_output_signature=tf.TensorSpec(size, tf.uint8))

    return tf.function(many, input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)
