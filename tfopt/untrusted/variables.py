"""Variables are counted as Keras makes them: a model whose layers are larger than its file is stopped beforehand.

Keras allocates and initializes every weight before it looks into the file. TensorFlow lets a creator take part in the
making of a variable; this one asks for the shape in a graph, where nothing is computed.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import tensorflow as tf

from tfopt.errors import InputError
from tfopt.untrusted.limits import SMALL, reraising

LARGE = 1_000_000  # bytes from which a weight begins as zeros: to draw it at random takes three times its memory
MOST_FOLD = 64  # a bit on disk becomes 32 in memory, and Adam keeps two more of each


@contextlib.contextmanager
def limit_variables(stored: int, name: str) -> Iterator[None]:
    """Raise `InputError`, while the context lasts, if variables exceed what `stored` bytes of weights can be."""
    most = max(SMALL, MOST_FOLD * stored)
    made = 0
    refusal = InputError(
        f"{name} declares layers with more than {most:,} bytes of weights, but holds {stored:,}: refused"
    )

    def create(next_creator: Callable[..., tf.Variable], **options: Any) -> tf.Variable:
        nonlocal made
        shape, kind = _infer_shape(options.get("initial_value"), options.get("shape"), options.get("dtype"))
        size = int(shape.num_elements() or 0) * int(kind.size)
        made += size
        if made > most:
            raise refusal
        if size > LARGE and kind.is_floating:
            options["initial_value"] = partial(tf.zeros, shape, kind)
        return next_creator(**options)

    with reraising(refusal), tf.variable_creator_scope(create):
        yield


def _infer_shape(value: Any, shape: Any, dtype: Any) -> tuple[tf.TensorShape, tf.DType]:
    if callable(value):
        with tf.Graph().as_default():
            value = value()
    kind = getattr(value, "dtype", None) or dtype or tf.float32
    return tf.TensorShape(getattr(value, "shape", shape)), tf.as_dtype(kind)
