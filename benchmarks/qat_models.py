"""Small models, each with a class of layers that TensorFlow Model Optimization refuses or leaves in float."""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from tfopt.core.provenance import load_data
from tfopt.data.dataset import Dataset

Tensor = keras.KerasTensor


def _classifier(body: Callable[[Tensor], Tensor]) -> Callable[[], keras.Model]:
    """A model of the images of digits, 8x8x1, around some layers."""

    def build() -> keras.Model:
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 1))
        return keras.Model(inputs, layers.Dense(10, activation="softmax")(body(inputs)))

    return build


def _rows(x: Tensor) -> Tensor:
    return layers.Reshape((8, 8))(x)


def _attention(x: Tensor) -> Tensor:
    x = layers.Dense(16)(_rows(x))
    return layers.GlobalAveragePooling1D()(layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)]))


def _squeeze_excite(x: Tensor) -> Tensor:
    x = layers.Conv2D(8, 3, activation="relu")(x)
    y = layers.Conv2D(8, 1, activation="hard_sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Flatten()(layers.Multiply()([x, y]))


def _nested(x: Tensor) -> Tensor:
    body = [
        layers.Conv2D(8, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.SeparableConv2D(16, 3),
    ]
    return layers.Flatten()(keras.Sequential([keras.Input((8, 8, 1)), *body], name="body")(x))


def _efficient_net(x: Tensor) -> Tensor:
    body = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    return body(layers.Concatenate()([layers.Resizing(32, 32)(x)] * 3))


def _embedding() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(50, 16)(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Dense(16, activation="relu")(x)))


CLASSES: dict[str, Callable[[], keras.Model]] = {
    "Conv1D": _classifier(lambda x: layers.Flatten()(layers.Conv1D(16, 3, activation="relu")(_rows(x)))),
    "Conv3D": _classifier(
        lambda x: layers.Flatten()(layers.Conv3D(8, 2, activation="relu")(layers.Reshape((4, 4, 4, 1))(x)))
    ),
    "LSTM": _classifier(lambda x: layers.LSTM(16)(_rows(x))),
    "GRU": _classifier(lambda x: layers.GRU(16)(_rows(x))),
    "Bidirectional": _classifier(lambda x: layers.Bidirectional(layers.LSTM(8))(_rows(x))),
    "LayerNormalization": _classifier(
        lambda x: layers.Flatten()(layers.LayerNormalization()(layers.Dense(16, activation="relu")(_rows(x))))
    ),
    "MultiHeadAttention": _classifier(_attention),
    "Embedding": _embedding,
    "PReLU": _classifier(lambda x: layers.Flatten()(layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3)(x)))),
    "Multiply, hard_sigmoid": _classifier(_squeeze_excite),
    "nested model": _classifier(_nested),
    "Rescaling": _classifier(
        lambda x: layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(2.0, -1.0)(x)))
    ),
    "EfficientNetB0": _classifier(_efficient_net),
}


def data_for_class(name: str) -> Dataset:
    """Digits, or for an embedding rows of tokens, of which the class is whether the first is frequent."""
    if name != "Embedding":
        return load_data("digits")
    x = np.random.default_rng(0).integers(0, 50, size=(600, 16)).astype("int32")
    return load_data((x, (x.max(axis=1) > 47).astype("int64")))
