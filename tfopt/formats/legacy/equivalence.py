"""How far two lists of outputs are apart."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.typing import Array, Tensor

TOLERANCE = 1e-5  # of the largest value of the first


def output_arrays(outputs: Tensor) -> list[Array]:
    """The tensors of a structure as arrays."""
    return [np.asarray(tf.cast(output, tf.float64)) for output in keras.tree.flatten(outputs)]


def relative_difference(before: Sequence[Array], after: Sequence[Array]) -> float:
    """Largest difference of two lists of outputs, each relative to the largest value of the first."""
    return max(
        (_array_difference(a, b) if a.shape == b.shape else np.inf for a, b in zip(before, after, strict=True)),
        default=0.0,
    )


def _array_difference(before: Array, after: Array) -> float:
    return float(np.abs(before - after).max(initial=0) / max(np.abs(before).max(initial=0), 1e-6))
