"""Classification: each sample has one class of K, and is answered right or wrong."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.tasks.classes import agreement, class_encoder, cross_entropy, right_classes, takes_indices
from tfopt.tasks.rules import Encoder, Loss, Shape, TaskRules
from tfopt.typing import Array


class Classification(TaskRules):
    """Class indices (N,), outputs (N, K), or (N, 1) with the score of class 1 of two."""

    task = "classification"
    counts_right = has_classes = True
    saved_metrics = ("accuracy",)

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:
        """Return whether each sample is answered right (N,)."""
        return right_classes(outputs, y, probabilities=probabilities)

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:
        """Return the cross-entropy that suits the last activation."""
        return cross_entropy(model, output)

    def encoder(self, loss: Loss, width: int) -> Encoder:
        """Return what makes indices, one-hot rows (N, K) or a column (N, 1) of class indices (N,)."""
        return class_encoder(loss, width)

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:
        """Tell whether the loss takes shares of classes."""
        return width == 1 or not takes_indices(loss)

    def metric(self, *, soft_binary: bool = False) -> keras.metrics.Metric | str:
        """Return the accuracy."""
        return keras.metrics.MeanMetricWrapper(agreement, name="accuracy") if soft_binary else "accuracy"

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """Return a score for each class."""
        return (data.num_classes,)

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if a label has no output."""
        classes = output[-1]
        if len(output) != 2 or classes is None:
            raise InputError(f"{name} gives outputs of shape {output[1:]}; a classifier gives one score a class")
        if data.num_classes > max(classes, 2):
            raise InputError(
                f"{data.config.source} has the label {data.num_classes - 1}, out of range for {name}: it has"
                f" {max(classes, 2)} classes"
            )

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Always answer the most frequent class of the train split."""
        most = int(np.argmax(np.bincount(data.train.y)))
        name = data.class_names[most] if data.class_names else f"class {most}"
        return f"always {name}", float((data.test.y == most).mean())
