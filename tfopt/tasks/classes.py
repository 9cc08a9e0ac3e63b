"""Outputs that have the scores of classes on their last axis, and labels that are indices of classes."""

import keras
import numpy as np

from tfopt.data.lazy_arrays import mapped
from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.model_io import outputs_of
from tfopt.tasks.rules import Encoder, Loss
from tfopt.typing import Array, Tensor


def predicted_classes(outputs: Array, *, probabilities: bool) -> Array:
    """Return the class that each row of scores says.

    Args:
        outputs: Scores (..., K) of the classes, or (..., 1) of class 1.
        probabilities: Whether they are such, and no logits: the model knows (`Artifact.gives_probabilities`).
    """
    if outputs.shape[-1] > 1:
        classes: Array = np.argmax(outputs, axis=-1)
        return classes
    return (outputs[..., 0] > (0.5 if probabilities else 0.0)).astype(np.int64)


def right_classes(outputs: Array, y: Array, *, probabilities: bool) -> Array:
    """Return whether each class (...,) is the one that outputs (..., K) say; those that are not finite are wrong."""
    answered = np.isfinite(outputs).all(axis=-1)
    right: Array = answered & (predicted_classes(np.nan_to_num(outputs), probabilities=probabilities) == y)
    return right


def cross_entropy(model: keras.Model, output: int = 0, ignored: int | None = None) -> keras.losses.Loss:
    """Return the cross-entropy that suits an output of a model; labels of the class `ignored` do not count."""
    logits = not gives_probabilities(model, output)
    if outputs_of(model)[output].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits, ignore_class=ignored)


def class_encoder(loss: Loss, classes: int) -> Encoder:
    """Return what turns class indices (...,) into what `loss` takes: indices, one-hot (..., K) or a column (..., 1)."""
    if classes == 1:
        return lambda y: mapped(y, lambda part: part.astype(np.float32)[..., np.newaxis], (*y.shape[1:], 1), np.float32)
    if takes_indices(loss):
        return lambda y: y
    rows = np.eye(classes, dtype=np.float32)
    return lambda y: mapped(y, lambda part: rows[part], (*y.shape[1:], classes), np.float32)


def takes_indices(loss: Loss) -> bool:
    """Tell whether a loss takes class indices, and no shares of classes."""
    name = loss if isinstance(loss, str) else type(loss).__name__
    return name.lower().startswith("sparse")


def agreement(wanted: Tensor, outputs: Tensor) -> Tensor:
    """Return whether each output (N, 1) is on the same side of one half as its target (N, 1), both from 0 to 1."""
    return keras.ops.cast((wanted > 0.5) == (outputs > 0.5), outputs.dtype)
