"""A multilayer perceptron; for tokens, the mean of their embeddings goes in (Joulin et al. 2017)."""

import keras
from keras import layers

from tfopt.config import ModelConfig
from tfopt.models.signature import Signature


def mlp(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build an MLP with `depth` hidden layers of `width` units for samples of any shape."""
    width, depth = config.width or 128, config.depth or 2
    dropout = 0.2 if config.dropout is None else config.dropout
    if signature.kind == "tokens":
        inputs = keras.Input(signature.shape, dtype="int32", name="input")
        x = layers.Embedding(signature.vocabulary or 0, width // 8, name="embedding")(inputs)
        x = layers.GlobalAveragePooling1D(name="average")(x)
    else:
        inputs = keras.Input(signature.shape, name="input")
        x = layers.Flatten(name="flatten")(inputs)
    for layer in range(1, depth + 1):
        x = layers.Dense(width, activation="relu", name=f"hidden{layer}")(x)
        x = layers.Dropout(dropout, name=f"dropout{layer}")(x)
    return keras.Model(inputs, layers.Dense(signature.outputs[0], activation="softmax", name="classes")(x), name="mlp")
