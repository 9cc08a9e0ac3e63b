"""Random inputs for a model of which nothing is known but its graph, to compare it with its copy."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.model_io import inputs_of

BATCH = 2
FREE = 32  # stands for a size that is not fixed: enough for the strides and poolings of an image network
VOCABULARY = 8  # largest token + 1 if no embedding says how many there are


def random_inputs(model: keras.Model, free: int | None = None, batch: int = BATCH) -> list[tf.Tensor]:
    """Make one batch for each input of a model: tokens for integers and for embeddings, else noise, always the same.

    Args:
        model: The model.
        free: A size for axes that have none; None is 32.
        batch: A size for a batch that has none.

    Returns:
        A tensor (N, ...) for each input, in the order of `inputs_of`.
    """
    sizes = [weight.shape[0] for weight in model.weights if weight.name == "embeddings"]
    inputs = inputs_of(model)
    alone = len(inputs) == 1
    return [
        random_batch(
            (tensor.shape[0] or batch, *tensor.shape[1:]),
            tensor.dtype,
            min(sizes, default=None) if alone or len(tensor.shape) == 2 else None,
            free or FREE,
        )
        for tensor in inputs
    ]


def random_batch(
    shape: Sequence[int | None], dtype: str | tf.DType, vocabulary: int | None, free: int = FREE
) -> tf.Tensor:
    """Make one batch for an input of this shape: tokens below `vocabulary`, or noise for floats without one."""
    batch, *sizes = shape
    full = (batch or BATCH, *(size or free for size in sizes))
    dtype = tf.as_dtype(dtype)
    rng = np.random.default_rng(len(full))
    if dtype == tf.string:
        return tf.fill(full, "a b")
    if vocabulary is not None or not dtype.is_floating:
        return tf.constant(rng.integers(0, vocabulary or VOCABULARY, full), dtype=dtype)
    return tf.constant(rng.normal(size=full), dtype=dtype)
