"""The last layers of a model, by its task: probabilities of classes, plain numbers, or steps to come.

A forecast is relative to what is known (after NLinear, Zeng et al. 2023, arXiv:2205.13504, section 4). The level of a
series drifts away from where it was in training. So the last step is subtracted from what a model sees, and the last
steps are added to what it says: a model that says nothing repeats the last step or, where that is nearer, as many steps
as it forecasts, such as those of the day before. Either is hard to beat.
"""

from math import prod

import keras
from keras import layers

from tfopt.models.signature import Signature


def add_head(
    inputs: keras.KerasTensor, x: keras.KerasTensor, signature: Signature, dropout: float, name: str
) -> keras.Model:
    """Finish a model with a head for its task.

    Args:
        inputs: Its input.
        x: Features (N, F).
        signature: Its inputs and outputs.
        dropout: Share of the features that training drops.
        name: The name of the model.

    Returns:
        The model.
    """
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    if signature.task == "classification":
        outputs = layers.Dense(signature.outputs[0], activation="softmax", name="classes")(x)
    else:
        outputs = layers.Dense(prod(signature.outputs), name="numbers")(x)
        if len(signature.outputs) > 1:
            outputs = layers.Reshape(signature.outputs, name="steps")(outputs)
        outputs = add_last_steps(outputs, inputs, signature)
    return keras.Model(inputs, outputs, name=name)


def add_last_steps(steps: keras.KerasTensor, inputs: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """Add the last steps of the forecast variates to `steps`, (N, H) or (N, H, V), if they are among the inputs."""
    if signature.task != "forecasting":
        return steps
    last = inputs[:, -signature.repeated :]
    if len(signature.outputs) == 1 and signature.column is not None:
        last = last[..., signature.column]
    elif len(signature.outputs) == 1 or signature.outputs[1] != signature.shape[1]:
        return steps
    return layers.Add(name="persistent")([steps, last])
