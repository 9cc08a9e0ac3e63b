"""Random inputs for a model of which nothing is known but its graph, to compare it with its copy."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import inputs_of

BATCH = 2
FREE = 32  # stands for a size that is not fixed: enough for the strides and poolings of an image network
VOCABULARY = 8  # largest token + 1 if no embedding says how many there are


def random_inputs(model: keras.Model, free: int | None = None, batch: int = BATCH) -> list[tf.Tensor]:
    """One batch for each input of `model`: tokens for integers and for what an embedding may look up, else noise.

    `free` stands for the sizes that are not fixed, `batch` for a batch that is not.
    """
    sizes = [layer.input_dim for _, layer in named_layers(model) if isinstance(layer, keras.layers.Embedding)]
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
    """One batch for an input of this shape: tokens below `vocabulary`, or noise if it is None and the type is float."""
    batch, *sizes = shape
    full = (batch or BATCH, *(size or free for size in sizes))
    dtype = tf.as_dtype(dtype)
    rng = np.random.default_rng(len(full))
    if dtype == tf.string:
        return tf.fill(full, "a b")
    if vocabulary is not None or not dtype.is_floating:
        return tf.constant(rng.integers(0, vocabulary or VOCABULARY, full), dtype=dtype)
    return tf.constant(rng.normal(size=full), dtype=dtype)
