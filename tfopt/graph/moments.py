"""Means and covariances of the inputs of a dense or convolutional layer, as the rows of a matrix.

A convolution multiplies its kernel, as a matrix (K, C), with the patches of its input, so that one matrix of moments
tells how each output channel is distributed, whatever the kernel is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfopt.typing import Array, Tensor

CHUNK = 16  # samples whose patches are in memory at once
MOST_ROWS = 4096  # patches that are looked at of each chunk
MOST_INPUTS = 6144  # input weights of a channel whose covariances, 300 MB a matrix, are still computed


class Moments(NamedTuple):
    """Moments of the rows (M, K) in the float model (`before`) and in the one that is rounded (`after`).

    Means are (K,), the covariances of the rows before, of those after, and of those after with those before (K, K).
    """

    mean_before: Array
    mean_after: Array
    before: Array
    after: Array
    cross: Array


def compute_moments(layer: keras.Layer, before: tf.Tensor, after: tf.Tensor) -> Moments | None:
    """Compute the moments of the inputs that the kernel of a layer multiplies.

    Args:
        layer: The layer.
        before: Its input (N, ...) in the float model.
        after: Its input (N, ...) in the model that is rounded.

    Returns:
        The moments; None if the layer is no dense or 1-D or 2-D convolutional layer without groups, or has too many
        input weights.
    """
    count = 0
    sums: list[Tensor] = [0.0] * 5
    for start in range(0, len(before), CHUNK):
        x, y = (_extract_rows(layer, tensor[start : start + CHUNK]) for tensor in (before, after))
        if x is None or y is None or x.shape[1] > MOST_INPUTS:
            return None
        some = np.random.default_rng(start).permutation(len(x))[:MOST_ROWS]
        x, y = x[some].astype(np.float64), y[some].astype(np.float64)
        count += len(x)
        sums = [total + part for total, part in zip(sums, (x.sum(0), y.sum(0), x.T @ x, y.T @ y, y.T @ x), strict=True)]
    mean_before, mean_after, *seconds = (total / count for total in sums)
    means = ((mean_before, mean_before), (mean_after, mean_after), (mean_after, mean_before))
    return Moments(mean_before, mean_after, *(s - np.outer(*m) for s, m in zip(seconds, means, strict=True)))


def _extract_rows(layer: keras.Layer, x: tf.Tensor) -> Array | None:
    """Return the rows (M, K) that the kernel as a matrix multiplies; K is in the order of the kernel's own axes."""
    if isinstance(layer, keras.layers.Dense):
        return np.asarray(x).reshape(-1, x.shape[-1])
    if type(layer) not in (keras.layers.Conv1D, keras.layers.Conv2D):
        return None
    if layer.groups > 1 or layer.data_format != "channels_last":
        return None
    if isinstance(layer, keras.layers.Conv1D):
        return _extract_patches(
            x[:, tf.newaxis], (1, *layer.kernel_size), (1, *layer.strides), (1, *layer.dilation_rate), layer
        )
    return _extract_patches(x, layer.kernel_size, layer.strides, layer.dilation_rate, layer)


def _extract_patches(
    x: tf.Tensor, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int], layer: keras.Layer
) -> Array:
    padding = layer.padding
    if padding == "causal":
        x = tf.pad(x, [[0, 0], [0, 0], [(size[1] - 1) * dilation[1], 0], [0, 0]])
        padding = "valid"
    patches = tf.image.extract_patches(x, [1, *size, 1], [1, *strides, 1], [1, *dilation, 1], padding.upper())
    return np.asarray(patches).reshape(-1, patches.shape[-1])
