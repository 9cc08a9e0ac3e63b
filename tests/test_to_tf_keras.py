import keras
import numpy as np
import pytest
import tf_keras
from keras import layers

from tests import zoo
from tfopt.errors import UnsupportedError
from tfopt.formats.legacy.to_tf_keras import to_tf_keras
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import is_graph


@pytest.mark.parametrize("build", [*zoo.CLASSIFIERS, *zoo.OTHERS], ids=lambda build: build.__name__)
def test_every_architecture_answers_the_same_in_tf_keras(build):
    model = build()
    for weight in model.weights:  # so that no bias or running statistic is zero or one by chance
        weight.assign(weight + keras.random.uniform(weight.shape, 0, 0.1))
    rebuilt = to_tf_keras(model, "model")
    inputs = random_inputs(model)
    before = keras.tree.flatten(call(model, inputs))
    after = keras.tree.flatten(rebuilt.model(inputs))
    assert isinstance(rebuilt.model, tf_keras.Model)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(a).max())


def test_layers_that_tf_keras_has_get_a_twin_and_the_others_are_carried_with_the_reason():
    rebuilt = to_tf_keras(zoo.squeeze_excite(), "model")
    kinds = {type(layer).__name__ for chain in rebuilt.twins.values() for layer in chain}
    assert {"Conv2D", "BatchNormalization", "Dense", "Multiply"} <= kinds
    assert sorted(reason.split()[-1] for reason in rebuilt.wrapped.values()) == ["hard_sigmoid", "hard_silu"]


def test_a_shared_layer_has_one_twin():
    rebuilt = to_tf_keras(zoo.shared_layer(), "model")
    assert sum(isinstance(layer, tf_keras.layers.Conv2D) for layer in rebuilt.model.layers) == 1


def test_a_layer_that_only_has_the_name_of_a_keras_layer_is_carried():
    class Dense(layers.Layer):
        def call(self, x):
            return x * 3

    rebuilt = to_tf_keras(keras.Sequential([keras.Input((4,)), Dense(name="mine")]), "model")
    assert rebuilt.wrapped == {"mine": "Dense is no layer of Keras itself"}


def test_a_model_that_is_random_is_refused_naming_the_layer():
    noisy = layers.Lambda(lambda x: x + keras.random.normal((4,)), name="noisy")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), noisy])
    with pytest.raises(UnsupportedError, match="the first layer that differs is noisy"):
        to_tf_keras(model, "model")


def test_a_subclassed_model_is_refused_by_the_name_of_its_class():
    class Mine(keras.Model):
        def call(self, x):
            return x

    model = Mine()
    model(np.zeros((1, 2)))
    assert not is_graph(model)
    with pytest.raises(UnsupportedError, match="Mine, a model whose graph is not known"):
        to_tf_keras(model, "model")


def test_crossing_leaves_the_model_as_it_was():
    model = zoo.residual()
    before, config = model.get_weights(), model.get_config()
    to_tf_keras(model, "model")
    assert model.get_config() == config
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
