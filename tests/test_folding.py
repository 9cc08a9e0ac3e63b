import keras
import numpy as np
import pytest
from keras import layers

from tests import zoo
from tfopt.formats.equivalence import output_arrays, relative_difference
from tfopt.graph.batch_norm_folding import find_foldable, fold_batch_norms
from tfopt.graph.dense_lowering import lower_to_dense
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs


def shaken(model):
    """The model with statistics, factors and shifts as after training."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        elif weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(rng.normal(size=weight.shape))
    return model


def apart(model, copy):
    inputs = random_inputs(model)
    return relative_difference(output_arrays(call(model, inputs)), output_arrays(call(copy, inputs)))


def everything():
    inputs = keras.Input((12, 12, 3))
    x = layers.BatchNormalization(scale=False)(layers.Conv2D(4, 3, use_bias=False)(inputs))
    x = layers.BatchNormalization(center=False)(layers.DepthwiseConv2D(3, depth_multiplier=2)(layers.ReLU()(x)))
    x = layers.BatchNormalization()(layers.Conv2DTranspose(3, 2, strides=2)(x))
    x = layers.BatchNormalization()(layers.SeparableConv2D(5, 3)(x))
    x = layers.Reshape((-1, 5))(x)
    x = layers.BatchNormalization()(layers.Conv1D(6, 3)(x))
    return keras.Model(inputs, layers.BatchNormalization()(layers.Dense(4)(layers.Flatten()(x))))


def test_every_kind_of_layer_takes_the_normalization_behind_it():
    model = shaken(everything())
    copy, pairs = fold_batch_norms(model, "model")
    assert len(pairs) == 6
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in copy.layers)
    assert apart(model, copy) < 1e-5


@pytest.mark.parametrize("build", [*zoo.CLASSIFIERS, *zoo.OTHERS], ids=lambda build: build.__name__)
def test_the_copy_answers_the_same_whatever_can_be_folded(build):
    model = shaken(build())
    before = [weight.numpy() for weight in model.weights]
    copy, _ = fold_batch_norms(model, "model")
    assert apart(model, copy) < 1e-5
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))


def test_what_has_an_activation_or_another_reader_is_left_alone():
    inputs = keras.Input((8,))
    active = layers.Dense(8, activation="relu")(inputs)
    x = layers.BatchNormalization(name="behind_an_activation")(active)
    x = layers.Dense(8, name="read_twice")(x)
    y = layers.BatchNormalization(name="one_of_two_readers")(x)
    shared = layers.BatchNormalization(name="called_twice")
    z = layers.Add()([shared(layers.Dense(8)(y)), shared(layers.Dense(8)(x))])
    assert find_foldable(keras.Model(inputs, layers.Dense(2)(z))) == {}


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "strides"), [(1, 1), (1, 2), (3, 1), (3, 2), ((2, 5), (1, 3))])
def test_a_convolution_as_a_dense_layer_gives_the_same(padding, kernel, strides):
    inputs = keras.Input((9, 11, 3))
    x = layers.Conv2D(4, kernel, strides=strides, padding=padding, activation="relu")(inputs)
    model = shaken(keras.Model(inputs, layers.Conv2D(2, 1, use_bias=False)(x)))
    copy = lower_to_dense(model, "model", lambda _: True)
    assert not any(isinstance(layer, layers.Conv2D) for layer in copy.layers)
    assert apart(model, copy) < 1e-5


def test_a_shared_convolution_stays_shared():
    model = zoo.shared_layer()
    copy = lower_to_dense(model, "model", lambda _: True)
    assert copy.count_params() == model.count_params()
    assert apart(model, copy) < 1e-5


def test_convolutions_of_images_of_any_size_stay_as_they_are():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(inputs)))
    copy = lower_to_dense(model, "model", lambda _: True)
    assert [type(layer) for layer in copy.layers] == [type(layer) for layer in model.layers]


def test_a_copy_of_an_adapted_normalization_normalizes():
    norm = layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(300, 50, size=(100, 4)))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(norm(inputs)))
    copy, _ = fold_batch_norms(model, "model")
    assert apart(model, copy) < 1e-6
