"""Which loss a model is trained with (its own if it was compiled, else by its output) and which labels that takes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfopt.graphs.calling import outputs_of

Labels = NDArray[Any]
ONE_HOT_LOSSES = {"categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error", "mse"}


def loss_of(model: keras.Model) -> keras.losses.Loss | str:
    """Return the loss the model was compiled with, or the cross-entropy that fits its last activation."""
    if model.compiled and isinstance(model.loss, str | keras.losses.Loss):
        return model.loss
    last = model.layers[-1] if model.layers else None
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    activation = getattr(last, "activation", None)
    if outputs_of(model)[0].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=activation is not keras.activations.sigmoid)
    probabilities = activation is keras.activations.softmax or isinstance(last, keras.layers.Softmax)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities)


def soft_loss(loss: keras.losses.Loss | str) -> keras.losses.Loss | str:
    """Return the same loss for class probabilities in place of class indices."""
    sparse = isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
    if not sparse and loss != "sparse_categorical_crossentropy":
        return loss
    return keras.losses.CategoricalCrossentropy(from_logits=takes_logits(loss))


def takes_logits(loss: keras.losses.Loss | str) -> bool:
    """Whether the loss takes logits; one that has no such option takes probabilities."""
    return not isinstance(loss, str) and bool(loss.get_config().get("from_logits", False))


def label_encoder(loss: keras.losses.Loss | str, classes: int) -> Callable[[Labels], Labels]:
    """Return what turns class indices (N,) into the labels `loss` takes: indices, one-hot (N, K) or a column (N, 1)."""
    if classes == 1:
        return lambda y: y.astype(np.float32)[:, np.newaxis]
    name = loss if isinstance(loss, str) else loss.name
    if name in ONE_HOT_LOSSES:
        return lambda y: np.eye(classes, dtype=np.float32)[y]
    return lambda y: y
