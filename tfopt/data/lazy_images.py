"""Image files that are decoded when they are asked for, so that a folder may be larger than the memory.

`LazyImages` looks like an array to those who slice it; in a `tf.data` pipeline its paths are decoded batch by batch.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tfopt.data.mask_files import make_mask_decoder
from tfopt.data.resizing import Resizing
from tfopt.data.scaling import Scaling
from tfopt.typing import Array, Tensor

AT_ONCE = 64
Index: TypeAlias = slice | Array  # indices (M,) or a mask (N,)


@dataclass(frozen=True)
class LazyImages:
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
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(np.float32 if self.scaling else np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Index) -> Array:
        paths = self.paths[rows]
        found = np.empty((len(paths), *self.size), self.dtype)
        for start in range(0, len(paths), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            decoded: Array = self._decoder(paths[part]).numpy().reshape(-1, *self.size)
            found[part] = self.scaling(decoded) if self.scaling else decoded
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype)

    def rows(self, rows: Index) -> Self:
        """Return some of the images, still undecoded, chosen by a slice or an array of indices."""
        return replace(self, paths=self.paths[rows])

    def scaled(self, scaling: Scaling) -> Self:
        """Return the same images, scaled."""
        return replace(self, scaling=scaling)

    def reshape(self, count: int, *size: int) -> Self:  # noqa: ARG002
        """Return the same images with an axis of one channel more or less."""
        return replace(self, size=size)

    def tensor(self, paths: Tensor) -> Tensor:
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


def take(x: Array, rows: Index) -> Array:
    """Return some of the samples; images stay undecoded."""
    chosen: Array = x.rows(rows) if isinstance(x, LazyImages) else x[rows]
    return chosen
