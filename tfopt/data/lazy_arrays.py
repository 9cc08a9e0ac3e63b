"""Arrays whose rows are made when they are asked for, so that data may be larger than the memory.

A `LazyArray` looks like an array to those who slice it or choose rows of it. Its rows lie in files: of images, which
are decoded, or of numbers, which are read. What else becomes of them, such as scaling, is done to the rows fetched.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike

from tfopt.typing import Array, Tensor

if TYPE_CHECKING:
    from hashlib import _Hash

    from tfopt.data.scaling import Scaling

MOST_HELD = 256_000_000  # bytes of an array as float32, as a model is fed; larger ones are lazy where they can be
PIECE = 16_000_000  # bytes that are looked at together
Index: TypeAlias = slice | Array  # indices (M,) or a mask (N,)
Step: TypeAlias = Callable[[Array], Array]


class LazyArray(ABC):
    """Stands for an array (N, ...); a slice or an array of indices fetches rows."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape (N, ...)."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""

    @abstractmethod
    def rows(self, rows: Index) -> Self:
        """Return some of the rows, still not fetched, chosen by a slice or an array of indices."""

    @abstractmethod
    def update(self, digest: "_Hash") -> None:
        """Add what tells these rows from others to a digest."""

    @abstractmethod
    def check(self) -> None:
        """Raise `InputError` if it is known that rows cannot be fetched any more."""

    @abstractmethod
    def _fetch(self, rows: Index) -> Array:
        """Fetch a few rows."""

    def reader(self) -> Callable[[Tensor], Tensor]:
        """Make a function that fetches a tensor of rows in a graph."""
        return reader_of(cast(Array, self))

    def mapped(self, step: Step, sample: tuple[int, ...], dtype: DTypeLike) -> "LazyArray":
        """Return the rows after one more step, which makes this shape and type of rows (M, ...) that are fetched."""
        return MappedArray(self, step, sample, np.dtype(dtype))

    def scaled(self, scaling: "Scaling") -> "LazyArray":
        """Return the same rows, scaled."""
        return self.mapped(scaling, self.shape[1:], np.float32)

    def astype(self, dtype: DTypeLike) -> "LazyArray":
        """Return the same rows as another type."""
        return self.mapped(lambda x: x.astype(dtype), self.shape[1:], dtype)

    def reshape(self, count: int, *size: int) -> "LazyArray":  # noqa: ARG002
        """Return the same rows with samples of another shape, of whose sizes one may be -1."""
        known = -prod(size)
        whole = tuple(prod(self.shape[1:]) // known if one < 0 else one for one in size)
        return self.mapped(lambda x: x.reshape(len(x), *whole), whole, self.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def at_once(self) -> int:
        """Number of rows that are fetched together."""
        return max(1, PIECE // max(1, prod(self.shape[1:]) * self.dtype.itemsize))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Index) -> Array:
        if isinstance(rows, slice):
            every = range(len(self))[rows]
            rows = slice(every.start, every.stop) if every.step == 1 and every else np.array(every, np.int64)
        elif rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        start, stop = (rows.start, rows.stop) if isinstance(rows, slice) else (0, len(rows))
        if stop - start <= self.at_once:
            return self._fetch(rows)
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for first in range(start, stop, self.at_once):
            part = slice(first, min(first + self.at_once, stop))
            found[first - start : part.stop - start] = self._fetch(part if isinstance(rows, slice) else rows[part])
        return found

    def __iter__(self) -> Iterator[Array]:
        for piece in pieces(cast(Array, self)):
            yield from piece

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)

    def min(self) -> Any:
        """Return the smallest value."""
        return min(piece.min() for piece in pieces(cast(Array, self)))

    def max(self, initial: Any = None) -> Any:
        """Return the largest value, at least `initial`."""
        found = [piece.max() for piece in pieces(cast(Array, self))]
        return max(found if initial is None else [*found, initial])


@dataclass(frozen=True, eq=False, repr=False)
class MappedArray(LazyArray):
    """Stands for the rows of another lazy array after a `step`, which makes rows of the shape `sample`."""

    source: LazyArray
    step: Step
    sample: tuple[int, ...]
    kind: np.dtype[np.generic]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (N, ...)."""
        return (len(self.source), *self.sample)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the values."""
        return self.kind

    @property
    def at_once(self) -> int:
        """Number of rows that are fetched together: as many as may be before the step and after it."""
        return min(super().at_once, self.source.at_once)

    def _fetch(self, rows: Index) -> Array:
        return self.step(self.source[rows])

    def rows(self, rows: Index) -> Self:
        """Return some of the rows, still not fetched, chosen by a slice or an array of indices."""
        return replace(self, source=self.source.rows(rows))

    def update(self, digest: "_Hash") -> None:
        """Add the values to a digest, as those of an array."""
        digest_values(digest, self)

    def check(self) -> None:
        """Raise `InputError` if it is known that rows cannot be fetched any more."""
        self.source.check()


def is_large(shape: tuple[int, ...]) -> bool:
    """Tell whether an array would take more memory than one should, as a model is fed.

    >>> is_large((60_000, 28, 28)), is_large((1_000_000, 28, 28))
    (False, True)
    """
    return is_much(prod(shape) * np.dtype(np.float32).itemsize)


def is_much(size: int) -> bool:
    """Tell whether so many bytes are more than one should hold."""
    return size > MOST_HELD


def take(x: Array, rows: Index) -> Array:
    """Return some of the samples; those of a lazy array are not fetched."""
    chosen: Array = x.rows(rows) if isinstance(x, LazyArray) else x[rows]
    return chosen


def mapped(x: Array, step: Step, sample: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Return x (N, ...) after a step that makes this shape and type of rows, of a lazy array when they are fetched."""
    return cast(Array, x.mapped(step, sample, dtype)) if isinstance(x, LazyArray) else step(x)


def pieces(x: Array) -> Iterator[Array]:
    """Yield an array (N, ...) whole, a lazy one in parts that fit into memory."""
    return (x[rows] for rows in spans(x))


def spans(*arrays: Array) -> Iterator[slice]:
    """Yield the rows of arrays (N, ...): all at once, or if one is lazy as many as can be fetched together."""
    count = max(1, len(arrays[0]))
    step = min(x.at_once if isinstance(x, LazyArray) else count for x in arrays)
    return (slice(start, start + step) for start in range(0, count, step))


def note_reading(x: Array) -> list[str]:
    """Note that samples are too many to hold."""
    lazy = isinstance(x, LazyArray)
    return ["the samples are too many to hold: they are read from disk whenever they are needed"] if lazy else []


def digest_values(digest: "_Hash", x: LazyArray) -> None:
    """Add the values of an array to a digest, piece by piece; texts with a zero between them."""
    for number, piece in enumerate(pieces(cast(Array, x))):
        if x.dtype.kind in "fiub":
            digest.update(np.ascontiguousarray(piece).data)
        else:
            digest.update(("\0" * (number > 0) + "\0".join(piece)).encode())


def reader_of(x: Array) -> Callable[[Tensor], Tensor]:
    """Make a function that takes a tensor of rows out of x (N, ...) in a graph, without a copy of all."""
    import tensorflow as tf

    def read(rows: Tensor) -> Tensor:
        found = tf.numpy_function(lambda chosen: x[chosen], [rows], tf.as_dtype(x.dtype), stateful=False)
        return tf.ensure_shape(found, (None, *x.shape[1:]))

    return read


@contextlib.contextmanager
def fetching(*arrays: Array) -> Iterator[None]:
    """Raise `InputError` for rows that could not be fetched: TensorFlow would say so in an error of its own."""
    from tensorflow.errors import OpError

    try:
        yield
    except OpError:
        for array in arrays:
            if isinstance(array, LazyArray):
                array.check()
        raise
