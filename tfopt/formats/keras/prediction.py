"""Answers of a Keras model to many samples, a batch at a time."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfopt.data.output_labels import side_by_side
from tfopt.formats.artifact import input_arrays
from tfopt.graph.model_io import call, compiled
from tfopt.typing import Array, Samples

BATCH = 256


def predict_batches(model: keras.Model, x: Samples, advance: Callable[[int], None] = lambda _: None) -> Array:
    """Run a Keras model on samples, in batches.

    Args:
        model: A model.
        x: An array (N, ...), or one for each input in order.
        advance: Is called with the number of samples that each batch had.

    Returns:
        The outputs (N, ...) as float32; several are flattened side by side, (N, F).
    """
    run = compiled(call, model)
    inputs = input_arrays(x)
    outputs = []
    for start in range(0, len(inputs[0]), BATCH):
        found = keras.tree.flatten(run([tf.constant(part[start : start + BATCH]) for part in inputs]))
        outputs.append(side_by_side(np.asarray(output, np.float32) for output in found))
        advance(len(outputs[-1]))
    return np.concatenate(outputs)
