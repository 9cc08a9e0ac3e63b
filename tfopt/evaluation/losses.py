"""A model is trained with the loss it was compiled with, or the one that suits its output, on labels it takes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfopt.config.choices import Task
from tfopt.data.vectorizer import PADDING
from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.model_io import outputs_of
from tfopt.typing import Array, Tensor

Labels = Array


def loss_of(model: keras.Model, task: Task = "classification") -> keras.losses.Loss | str:
    """Return the loss the model was compiled with, or the one that fits `task` and the model's last activation.

    Raises:
        UnsupportedError: If it was compiled with a loss that is not one of Keras: nobody knows which labels it takes.
    """
    compiled = model.loss if model.compiled else None
    if isinstance(compiled, list | tuple | dict) and len(compiled) == 1:
        [compiled] = compiled.values() if isinstance(compiled, dict) else compiled
    if compiled is not None:
        return _known_loss(compiled)
    if not counts_classes(task):
        return "mean_absolute_error" if task == "forecasting" else "mean_squared_error"
    logits = not gives_probabilities(model)
    if task == "classification" and outputs_of(model)[0].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    ignored = PADDING if task == "translation" else None
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits, ignore_class=ignored)


def _known_loss(loss: Any) -> keras.losses.Loss | str:
    """Return a loss of Keras itself, a function by its name."""
    if isinstance(loss, str):
        return loss
    if isinstance(loss, keras.losses.Loss) and getattr(keras.losses, type(loss).__name__, None) is type(loss):
        return loss
    named = getattr(loss, "__name__", type(loss).__name__)
    if getattr(keras.losses, named, None) is loss:
        return str(named)
    raise UnsupportedError(
        f"the model was compiled with {named}, which is no loss of Keras: nobody knows which labels it takes, so it"
        " cannot be trained here; compile it with one of Keras, or save it without"
    )


def loss_function(
    model: keras.Model, task: Task
) -> tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Labels], Labels]]:
    """The mean loss of targets and outputs, and what turns labels into such targets."""
    loss = loss_of(model, task)
    function = keras.losses.get(loss)
    encode = label_encoder(loss, outputs_of(model)[0].shape[-1], task)
    return lambda targets, outputs: keras.ops.mean(function(targets, outputs)), encode


def counts_classes(task: Task) -> bool:
    """Return whether outputs are scores of classes or words, so that cross-entropy is the loss."""
    return task in ("classification", "translation")


def metric_of(task: Task, *, soft_binary: bool = False) -> keras.metrics.Metric | str:
    """Return what to show in training: accuracy (of the words, without padding, in a translation) or the mean error."""
    if task == "translation":
        return keras.metrics.MeanMetricWrapper(words_right, name="accuracy")
    if not counts_classes(task):
        return keras.metrics.MeanAbsoluteError(name="mae")
    return keras.metrics.MeanMetricWrapper(agreement, name="accuracy") if soft_binary else "accuracy"


def saved_metrics(task: Task) -> list[str]:
    """Return what a saved model shows when it is evaluated: names only, so that it loads without tfopt."""
    if task == "translation":
        return []
    return ["accuracy"] if counts_classes(task) else ["mae"]


def smoothed(targets: Labels, smoothing: float, task: Task) -> Labels:
    """Targets (N, K) with the share `smoothing` spread over all K classes (Szegedy et al. 2016, section 7)."""
    if not smoothing:
        return targets
    if task != "classification" or targets.ndim != 2:
        raise InputError(f"`label_smoothing` {smoothing:g} is for classification by cross-entropy")
    classes = max(2, targets.shape[1])
    spread: Labels = targets * (1 - smoothing) + smoothing / classes
    return spread.astype(np.float32)


def agreement(wanted: Tensor, outputs: Tensor) -> Tensor:
    """Return whether each output (N, 1) is on the same side of one half as its target (N, 1), both from 0 to 1."""
    return keras.ops.cast((wanted > 0.5) == (outputs > 0.5), outputs.dtype)


def words_right(wanted: Tensor, outputs: Tensor) -> Tensor:
    """Share of the words of each sentence (N, T) that are the most probable in outputs (N, T, V)."""
    real = keras.ops.cast(wanted != PADDING, outputs.dtype)
    found = keras.ops.cast(keras.ops.argmax(outputs, axis=-1), wanted.dtype)
    right = keras.ops.cast(found == wanted, outputs.dtype) * real
    return keras.ops.sum(right, axis=-1) / keras.ops.maximum(keras.ops.sum(real, axis=-1), 1)


def soft_loss(loss: keras.losses.Loss | str) -> keras.losses.Loss | str:
    """Return the same loss for class probabilities in place of class indices."""
    sparse = isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
    if not sparse and loss != "sparse_categorical_crossentropy":
        return loss
    return keras.losses.CategoricalCrossentropy(from_logits=takes_logits(loss))


def takes_logits(loss: keras.losses.Loss | str) -> bool:
    """Return whether the loss takes logits; one that has no such option takes probabilities."""
    return not isinstance(loss, str) and bool(loss.get_config().get("from_logits", False))


def label_encoder(
    loss: keras.losses.Loss | str, classes: int, task: Task = "classification"
) -> Callable[[Labels], Labels]:
    """Return what turns class indices (N,) into the labels `loss` takes: indices, one-hot (N, K) or a column (N, 1).

    Labels of other tasks are taken as they are.
    """
    if task != "classification":
        return lambda y: y
    if classes == 1:
        return lambda y: y.astype(np.float32)[:, np.newaxis]
    if _takes_indices(loss):
        return lambda y: y
    return lambda y: np.eye(classes, dtype=np.float32)[y]


def _takes_indices(loss: keras.losses.Loss | str) -> bool:
    name = loss if isinstance(loss, str) else type(loss).__name__
    return name.lower().startswith("sparse")
