"""An autoencoder of dense layers, whose bottleneck passes on only what is common (Hinton & Salakhutdinov 2006).

What is rare does not come through, so that anomalies have larger errors than what it was trained on.
"""

from math import prod

import keras
from keras import layers

from tfopt.models.dimensions import Dimensions
from tfopt.models.inputs import input_tensor
from tfopt.models.signature import Signature

NARROWER, LEAST = 8, 2  # the width of the bottleneck as a part of that of the others


def autoencoder(size: Dimensions, signature: Signature) -> keras.Model:
    """Build an autoencoder with `depth` hidden layers of `width` units before and after the bottleneck."""
    inputs = input_tensor(signature)
    x = layers.Flatten(name="flatten")(inputs)
    for layer in range(1, size.depth + 1):
        x = layers.Dense(size.width, activation="relu", name=f"encoder{layer}")(x)
    x = layers.Dense(max(LEAST, size.width // NARROWER), activation="relu", name="bottleneck")(x)
    for layer in range(1, size.depth + 1):
        x = layers.Dense(size.width, activation="relu", name=f"decoder{layer}")(x)
    x = layers.Dense(prod(signature.outputs), name="numbers")(x)
    outputs = layers.Reshape(signature.outputs, name="sample")(x) if len(signature.outputs) > 1 else x
    return keras.Model(inputs, outputs, name="autoencoder")
