"""A multilayer perceptron; for tokens, the mean of their embeddings goes in (Joulin et al. 2017).

Of a forecast it says what a linear map of each column cannot (after Zeng et al. 2023, arXiv:2205.13504).
"""

import keras
from keras import layers

from tfopt.models.autoencoder import autoencoder
from tfopt.models.config import ModelConfig
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head, linear_steps
from tfopt.models.inputs import input_tensor, subtract_last_step
from tfopt.models.signature import Signature

SIZES: Sizes = {"tiny": Dimensions(16, 1), "small": Dimensions(128, 2), "base": Dimensions(512, 3)}


def mlp(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build an MLP with `depth` hidden layers of `width` units for samples of any shape."""
    size = resolve_dimensions(config, SIZES)
    if signature.task == "anomaly":
        return autoencoder(size, signature)
    inputs = input_tensor(signature)
    linear = None
    if signature.kind == "tokens":
        x = layers.Embedding(signature.words, max(1, size.width // 8), name="embedding")(inputs)
        x = layers.GlobalAveragePooling1D(name="average")(x)
    else:
        window = subtract_last_step(inputs, signature)
        linear = linear_steps(window, signature)
        x = layers.Flatten(name="flatten")(window)
    for layer in range(1, size.depth + 1):
        x = layers.Dense(size.width, activation="relu", name=f"hidden{layer}")(x)
        x = layers.Dropout(size.dropout, name=f"dropout{layer}")(x)
    return add_head(inputs, x, signature, 0.0, "mlp", linear)
