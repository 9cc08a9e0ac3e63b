"""The last layers of a model, by its task: probabilities of classes or labels, plain numbers, or steps to come.

A forecast is relative to what is known (after NLinear, Zeng et al. 2023, arXiv:2205.13504, section 4). The level of a
series drifts away from where it was in training. So the last step is subtracted from what a model sees, and the last
steps are added to what it says: a model that says nothing repeats the last step or, where that is nearer, as many steps
as it forecasts, such as those of the day before. Either is hard to beat. A model may have a linear part besides, of
each column by itself (the same paper), from which it can start as a linear forecast.
"""

from collections.abc import Callable
from itertools import chain, count
from math import prod

import keras
from keras import layers

from tfopt.errors import InputError
from tfopt.models.signature import Signature

LINEAR, NUMBERS = "linear", "numbers"  # the linear part, and the last layer of the rest


def add_head(
    inputs: keras.KerasTensor,
    x: keras.KerasTensor,
    signature: Signature,
    dropout: float,
    name: str,
    linear: keras.KerasTensor | None = None,
) -> keras.Model:
    """Finish a model with a head for its task.

    Args:
        inputs: Its input.
        x: Features (N, F).
        signature: Its inputs and outputs.
        dropout: Share of the features that training drops.
        name: The name of the model.
        linear: The linear part of a forecast, which is added to what the model says.

    Returns:
        The model.

    Raises:
        InputError: If the task needs more than a vector for each sample.
    """
    if len(signature.outputs) == 3:
        raise InputError(f"{signature.task} needs an answer for each pixel, which `arch` unet gives, not {name}")
    called = free_names(inputs, x)
    x = layers.Dropout(dropout, name=called("dropout"))(x) if dropout else x
    if signature.task == "classification":
        outputs = layers.Dense(signature.outputs[0], activation="softmax", name=called("classes"))(x)
    elif signature.task == "multi-label":
        outputs = layers.Dense(signature.outputs[0], activation="sigmoid", name=called("labels"))(x)
    else:
        outputs = layers.Dense(prod(signature.outputs), name=called(NUMBERS))(x)
        if len(signature.outputs) > 1:
            outputs = layers.Reshape(signature.outputs, name=called("steps"))(outputs)
        outputs = outputs if linear is None else layers.Add(name=called("with_linear"))([outputs, linear])
        outputs = add_last_steps(outputs, inputs, signature, called("persistent"))
    return keras.Model(inputs, outputs, name=name)


def add_map_head(inputs: keras.KerasTensor, x: keras.KerasTensor, signature: Signature, name: str) -> keras.Model:
    """Finish a model whose answer to an image is an image: probabilities of classes for each pixel, or numbers.

    Args:
        inputs: Its input.
        x: Features of each pixel (N, H, W, F).
        signature: Its inputs and outputs.
        name: The name of the model.
    """
    activation, word = ("softmax", "classes") if signature.task == "segmentation" else (None, NUMBERS)
    called = free_names(inputs, x)
    outputs = layers.Conv2D(signature.outputs[-1], 1, activation=activation, name=called(word))(x)
    return keras.Model(inputs, outputs, name=name)


def free_names(inputs: keras.KerasTensor, x: keras.KerasTensor) -> Callable[[str], str]:
    """Return what makes a name of a word: the word, with a number if a layer before the features is called so."""
    taken = {operation.name for operation in keras.Model(inputs, x, name="before").operations}
    return lambda word: next(name for name in chain([word], (f"{word}_{n}" for n in count(2))) if name not in taken)


def add_last_steps(
    steps: keras.KerasTensor, inputs: keras.KerasTensor, signature: Signature, name: str = "persistent"
) -> keras.KerasTensor:
    """Add the last steps of the forecast variates to `steps`, (N, H) or (N, H, V), if they are among the inputs."""
    if signature.task != "forecasting":
        return steps
    last = inputs[:, -signature.repeated :]
    if len(signature.outputs) == 1 and signature.column is not None:
        last = last[..., signature.column]
    elif len(signature.outputs) == 1 or signature.outputs[1] != signature.shape[1]:
        return steps
    return layers.Add(name=name)([steps, last])


def linear_steps(window: keras.KerasTensor, signature: Signature) -> keras.KerasTensor | None:
    """Return steps to come as a linear map of each column's own window (N, T, V); None if nothing is forecast of it."""
    if signature.task != "forecasting":
        return None
    if len(signature.outputs) == 1 and signature.column is not None:
        return layers.Dense(signature.outputs[0], name=LINEAR)(window[..., signature.column])
    if len(signature.outputs) == 1 or signature.outputs[1] != signature.shape[1]:
        return None
    return layers.EinsumDense("btv,tvh->bhv", signature.outputs, bias_axes="hv", name=LINEAR)(window)
