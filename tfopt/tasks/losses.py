"""A model is trained with the loss it was compiled with, or the one that suits its task, on labels it takes."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tfopt.config.choices import Task
from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.model_io import outputs_of
from tfopt.tasks.classes import takes_indices
from tfopt.tasks.own_loss import OwnLoss
from tfopt.tasks.rules import Encoder, Loss, TaskRules
from tfopt.tasks.several import LossOfOutputs, LossPart, SeveralOutputs, flat_outputs
from tfopt.typing import Array, Tensor


def loss_of(model: keras.Model, rules: TaskRules) -> Loss:
    """Return the loss the model was compiled with, or the one that fits the task and the model's last activation.

    Raises:
        UnsupportedError: If it was compiled with a loss that is not one of Keras: nobody knows which labels it takes.
    """
    if isinstance(rules, SeveralOutputs):
        return _loss_of_outputs(model, rules)
    if isinstance(rules, OwnLoss):
        return rules.default_loss(model)
    compiled = model.loss if model.compiled else None
    if isinstance(compiled, list | tuple | dict) and len(compiled) == 1:
        [compiled] = compiled.values() if isinstance(compiled, dict) else compiled
    return rules.default_loss(model) if compiled is None else _known_loss(compiled)


def _loss_of_outputs(model: keras.Model, rules: SeveralOutputs) -> LossOfOutputs:
    """Return the losses that a model was compiled with for its outputs, each with the weight it has there."""
    if isinstance(model.loss, LossOfOutputs):  # what trains it stands around another model
        return model.loss
    names = [one.name for one in rules.outputs]
    asked = (model.get_compile_config() or {}) if model.compiled else {}
    losses = _by_output(model.loss if model.compiled else None, names, None)
    weights = _by_output(asked.get("loss_weights"), names, 1.0)
    parts = []
    for one, own, loss, weight in zip(rules.outputs, rules.rules, losses, weights, strict=True):
        known = own.default_loss(model, names.index(one.name)) if loss is None else _known_loss(loss)
        parts.append(LossPart(known, own, one, float(weight)))
    return LossOfOutputs(parts)


def _by_output(given: Any, names: Sequence[str], default: Any) -> list[Any]:
    """Return what stands for each output in an argument of `compile`: one for all, a list or a dict by their names."""
    if isinstance(given, dict):
        return [given.get(name, default) for name in names]
    if isinstance(given, list | tuple):
        return list(given)
    return [default if given is None else given] * len(names)


def _known_loss(loss: Any) -> Loss:
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


def loss_function(model: keras.Model, rules: TaskRules) -> tuple[Callable[[Tensor, Tensor], Tensor], Encoder]:
    """The mean loss of targets and outputs, and what turns labels into such targets."""
    loss = loss_of(model, rules)
    function = keras.losses.get(loss)
    encode = rules.encoder(loss, outputs_of(model)[0].shape[-1])
    return lambda targets, outputs: keras.ops.mean(function(targets, flat_outputs(outputs))), encode


def smoothed(targets: Array, smoothing: float, task: Task) -> Array:
    """Targets (N, K) with the share `smoothing` spread over all K classes (Szegedy et al. 2016, section 7)."""
    if not smoothing:
        return targets
    if task != "classification" or targets.ndim != 2:
        raise InputError(f"`label_smoothing` {smoothing:g} is for classification by cross-entropy")
    classes = max(2, targets.shape[1])
    spread: Array = targets * (1 - smoothing) + smoothing / classes
    return spread.astype(np.float32)


def soft_loss(loss: Loss) -> Loss:
    """Return the same loss for class probabilities in place of class indices."""
    if not takes_indices(loss):
        return loss
    return keras.losses.CategoricalCrossentropy(from_logits=takes_logits(loss))


def takes_logits(loss: Loss) -> bool:
    """Return whether the loss takes logits; one that has no such option takes probabilities."""
    return not isinstance(loss, str) and bool(loss.get_config().get("from_logits", False))
