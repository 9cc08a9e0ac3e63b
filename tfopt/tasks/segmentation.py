"""Segmentation: each pixel of an image has one class of K, and is answered right or wrong."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.tasks.classes import agreement, class_encoder, cross_entropy, right_classes, takes_indices
from tfopt.tasks.rules import Encoder, Loss, Shape, TaskRules
from tfopt.typing import Array, Clusters

PIECE = 64  # images


class Segmentation(TaskRules):
    """Class indices (N, H, W), outputs (N, H, W, K), or (N, H, W, 1) with the score of class 1 of two.

    Neighbouring pixels are right or wrong together: images are what is independent.
    """

    task = "segmentation"
    counts_right = has_classes = True
    saved_metrics = ("accuracy",)
    cluster = "images"

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:
        """Return whether each pixel (M,) of all images is answered right."""
        right = np.empty(y.shape, np.bool_)
        for start in range(0, len(y), PIECE):  # what is made of all pixels at once would be many times as large
            rows = slice(start, start + PIECE)
            right[rows] = right_classes(outputs[rows], y[rows], probabilities=probabilities)
        return right.reshape(-1)

    def clusters(self, y: Array) -> Clusters | None:
        """Return the image of each pixel."""
        images: Clusters = np.repeat(np.arange(len(y), dtype=np.int32), int(np.prod(y.shape[1:])))
        return images

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:
        """Return the cross-entropy that suits the last activation."""
        return cross_entropy(model, output)

    def encoder(self, loss: Loss, width: int) -> Encoder:
        """Return what makes indices, shares (N, H, W, K) or a channel (N, H, W, 1) of class indices (N, H, W)."""
        return class_encoder(loss, width)

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:
        """Tell whether the loss takes shares of classes."""
        return width == 1 or not takes_indices(loss)

    def metric(self, *, soft_binary: bool = False) -> keras.metrics.Metric | str:
        """Return the accuracy of the pixels."""
        return keras.metrics.MeanMetricWrapper(agreement, name="accuracy") if soft_binary else "accuracy"

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """Return a score for each class at each pixel."""
        return (*data.train.y.shape[1:], data.num_classes)

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if the outputs are no scores of each pixel, or a label has no output."""
        pixels, source = data.train.y.shape[1:], data.config.source
        if len(output) != 4 or any(given not in (None, size) for given, size in zip(output[1:3], pixels, strict=True)):
            raise InputError(
                f"{name} gives outputs of shape {output[1:]}; {source} has masks of {pixels[0]}x{pixels[1]} pixels, so"
                f" {(*pixels, data.num_classes)} would be right"
            )
        if output[3] is None or data.num_classes > max(output[3], 2):
            raise InputError(
                f"{source} has the label {data.num_classes - 1} in its masks, out of range for {name}: it has"
                f" {max(output[3] or 0, 2)} classes"
            )

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Always answer the most frequent class of the train split."""
        most = int(np.argmax(_count(data.train.y, data.num_classes)))
        found = _count(data.test.y, data.num_classes)
        name = data.class_names[most] if data.class_names else f"class {most}"
        return f"every pixel {name}", float(found[most] / max(1, found.sum()))


def _count(y: Array, classes: int) -> Array:
    """Return how many pixels of y (N, H, W) each class has, image by image: counting makes large numbers of them."""
    pieces = (np.asarray(y[start : start + PIECE]) for start in range(0, len(y), PIECE))
    counts: Array = sum((np.bincount(piece.reshape(-1), minlength=classes) for piece in pieces), np.zeros(classes))
    return counts
