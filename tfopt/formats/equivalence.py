"""Two models are equivalent if their outputs for the same inputs differ by rounding only."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.typing import Array, Tensor

TOLERANCE = 1e-5  # of the largest value of the first


def output_arrays(outputs: Tensor) -> list[Array]:
    """Return the tensors of a structure as arrays of float64."""
    return [np.asarray(tf.cast(output, tf.float64)) for output in keras.tree.flatten(outputs)]


def relative_difference(before: Sequence[Array], after: Sequence[Array]) -> float:
    """Compare two lists of outputs.

    Args:
        before: The outputs of the first model.
        after: Those of the second, in the same order.

    Returns:
        The largest difference, relative to the largest value of each output of the first; infinite if shapes differ.

    Example:
        >>> relative_difference([np.array([4.0, -2.0])], [np.array([4.0, -1.0])])
        0.25
    """
    return max(
        (_array_difference(a, b) if a.shape == b.shape else np.inf for a, b in zip(before, after, strict=True)),
        default=0.0,
    )


def _array_difference(before: Array, after: Array) -> float:
    return float(np.abs(before - after).max(initial=0) / max(np.abs(before).max(initial=0), 1e-6))
