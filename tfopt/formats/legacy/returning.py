"""Weights that were trained in tf_keras come back into a Keras 3 model of the same architecture."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfopt.graph.layer_names import named_layers


def with_weights(
    fresh: keras.Model, source: keras.Model, variables: Callable[[keras.Layer], Sequence[tf.Variable]]
) -> keras.Model:
    """Give `fresh` the weights of `source`; those of a layer are the values of its `variables`."""
    trained = {
        weight.path: variable.numpy()
        for _, layer in named_layers(source)
        for weight, variable in zip(layer.weights, variables(layer), strict=True)
    }
    fresh.set_weights([trained.get(weight.path, weight.numpy()) for weight in source.weights])
    return fresh
