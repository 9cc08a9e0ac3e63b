"""The loss of a model on the validation split, again and again while its weights change."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.evaluation.losses import loss_function
from tfopt.graph.model_io import call
from tfopt.typing import Tensor

SAMPLES = 2048
BATCH = 256


def validation_loss(model: keras.Model, data: Dataset) -> Callable[[], float]:
    """A function that gives the mean loss on the first 2,048 samples of the validation split."""
    loss, encode = loss_function(model, data.task)
    count = min(SAMPLES, len(data.validation))
    inputs, targets = [x[:count] for x in data.validation.inputs], encode(data.validation.y[:count])

    @tf.function(reduce_retracing=True)
    def of_batch(batch: Tensor, wanted: Tensor) -> Tensor:
        return loss(wanted, call(model, batch))

    def measured() -> float:
        starts = range(0, count, BATCH)
        losses = [
            float(of_batch([tf.convert_to_tensor(x[i : i + BATCH]) for x in inputs], targets[i : i + BATCH]))
            for i in starts
        ]
        return float(np.average(losses, weights=[min(BATCH, count - i) for i in starts]))

    return measured
