"""Callbacks that measure a training: gradient norms, time without validation, and the end of its budget.

Gradients that shrink from the last layer to the first vanish, those that grow explode (Bengio et al. 1994).
"""

import time

import keras
import tensorflow as tf

from tfopt.config.choices import Task
from tfopt.data.dataset import Split
from tfopt.graph.model_io import compiled
from tfopt.tasks.registry import rules_of
from tfopt.typing import Logs

SAMPLES = 256


class GradientNorms(keras.callbacks.Callback):
    """The norms of the loss's gradient by the first and by the last kernel, before training and after each epoch.

    They are taken on the same samples each time, as in inference, and are divided by the square root of the number of
    weights, so that layers of different sizes can be compared.
    """

    def __init__(self, samples: Split, task: Task) -> None:
        super().__init__()
        self.samples = samples.sample(SAMPLES)
        self.task = task
        self.norms: list[tuple[float, float]] = []

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002
        """Measure the start."""
        kernels = [weight for weight in self.model.trainable_weights if len(weight.shape) > 1]
        ends = [kernels[0].value, kernels[-1].value]
        encode = rules_of(self.task).encoder(self.model.loss, self.model.outputs[0].shape[-1])
        inputs = [tf.constant(x) for x in self.samples.inputs]
        y = tf.constant(encode(self.samples.y))

        @compiled
        def norms() -> tf.Tensor:
            with tf.GradientTape() as tape:
                outputs = self.model(inputs if len(inputs) > 1 else inputs[0], training=False)
                loss = self.model.compute_loss(x=inputs, y=y, y_pred=outputs, training=False)
            found = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, ends)]
            return tf.stack([tf.sqrt(tf.reduce_mean(tf.square(gradient))) for gradient in found])

        self._measure = norms
        self.on_epoch_end(-1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Measure after an epoch."""
        first, last = self._measure().numpy()
        self.norms.append((float(first), float(last)))


class Stopwatch(keras.callbacks.Callback):
    """Seconds of each epoch without its validation; stops the training when `limit` seconds of them are over."""

    def __init__(self, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Start."""
        self._start = time.perf_counter()
        self._running = True

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Stop if time is over."""
        if self.limit and sum(self.seconds) + time.perf_counter() - self._start > self.limit:
            self.model.stop_training = True

    def on_test_begin(self, logs: Logs = None) -> None:  # noqa: ARG002
        """The epoch's training is over."""
        if self._running:
            self.seconds.append(time.perf_counter() - self._start)
            self._running = False
