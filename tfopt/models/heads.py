"""The last layers of a model, by its task: probabilities of classes, plain numbers, or steps to come."""

from math import prod

import keras
from keras import layers

from tfopt.models.persistence import persistent
from tfopt.models.signature import Signature


def with_head(
    inputs: keras.KerasTensor, x: keras.KerasTensor, signature: Signature, dropout: float, name: str
) -> keras.Model:
    """The model `name` from `inputs` to the outputs of `signature`, for features x (N, F)."""
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    if signature.task == "classification":
        outputs = layers.Dense(signature.outputs[0], activation="softmax", name="classes")(x)
    else:
        outputs = layers.Dense(prod(signature.outputs), name="numbers")(x)
        if len(signature.outputs) > 1:
            outputs = layers.Reshape(signature.outputs, name="steps")(outputs)
        outputs = persistent(outputs, inputs, signature)
    return keras.Model(inputs, outputs, name=name)
