"""Several labels: each of K labels is or is not given to a sample, none, one or many of them together."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.graph.last_operation import gives_probabilities
from tfopt.tasks.rules import Encoder, Loss, TaskRules
from tfopt.typing import Array, Clusters


class MultiLabel(TaskRules):
    """Labels (N, K) of 0 and 1, outputs (N, K) with the score of each label by itself."""

    task = "multi-label"
    counts_right = several = True
    saved_metrics = ("binary_accuracy",)

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:
        """Return whether each label of each sample is answered right (N*K,)."""
        said = np.nan_to_num(outputs) > (0.5 if probabilities else 0.0)
        right: Array = np.isfinite(outputs) & (said == y.astype(bool))
        return right.reshape(-1)

    def clusters(self, y: Array) -> Clusters | None:
        """Return the sample of each label."""
        return np.repeat(np.arange(len(y)), y.shape[1])

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:
        """Return the binary cross-entropy of each label."""
        return keras.losses.BinaryCrossentropy(from_logits=not gives_probabilities(model, output))

    def encoder(self, loss: Loss, width: int) -> Encoder:  # noqa: ARG002
        """Return what makes shares of labels."""
        return lambda y: y.astype(np.float32)

    def metric(self, *, soft_binary: bool = False) -> keras.metrics.Metric | str:  # noqa: ARG002
        """Return the share of labels that are right."""
        return keras.metrics.BinaryAccuracy(name="accuracy")

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Give each sample the labels that most samples of the train split have."""
        most = data.train.y.mean(axis=0) > 0.5
        return "what most samples have of each label", float((data.test.y == most).mean())
