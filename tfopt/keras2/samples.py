"""Random inputs for a model of which nothing is known but its graph, to compare it with its copy."""

import keras
import numpy as np
import tensorflow as tf

from tfopt.artifacts.layers import leaves

BATCH = 2
FREE = 32  # stands for a size that is not fixed: enough for the strides and poolings of an image network
VOCABULARY = 8  # largest token + 1 if no embedding says how many there are


def samples(model: keras.Model) -> list[tf.Tensor]:
    """One batch for each input of `model`: tokens for integers and for what an embedding may look up, else noise."""
    sizes = [layer.input_dim for _, layer in leaves(model) if isinstance(layer, keras.layers.Embedding)]
    rng = np.random.default_rng(0)
    alone = len(model.inputs) == 1
    return [
        _sample(tensor, min(sizes, default=VOCABULARY), bool(sizes) and (alone or len(tensor.shape) == 2), rng)
        for tensor in model.inputs
    ]


def _sample(tensor: keras.KerasTensor, vocabulary: int, embedded: bool, rng: np.random.Generator) -> tf.Tensor:
    batch, *sizes = tensor.shape
    shape = (batch or BATCH, *(size or FREE for size in sizes))
    dtype = tf.as_dtype(tensor.dtype)
    if dtype == tf.string:
        return tf.fill(shape, "a b")
    if not dtype.is_floating or embedded:
        return tf.constant(rng.integers(0, vocabulary, shape), dtype=dtype)
    return tf.constant(rng.normal(size=shape), dtype=dtype)
