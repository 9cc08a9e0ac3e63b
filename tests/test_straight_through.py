import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfopt.techniques.binarization.sign_activations import Sign, replaceable, with_signs
from tfopt.techniques.binarization.straight_through import Latent, wrapped

WEIGHTS = np.array([[1.0, -0.5], [-3.0, 0.1], [2.0, 9.0], [2.0, 0.4]], "float32")


def latent(levels):
    return Latent(keras.Variable(WEIGHTS), levels, (1,))


def test_binary_values_are_the_sign_times_the_mean_magnitude():
    np.testing.assert_allclose(latent("binary").rounded(), [[2, -2.5], [-2, 2.5], [2, 2.5], [2, 2.5]])


def test_ternary_values_are_the_mean_of_what_is_above_the_threshold():
    # 0.7 of the means, 2 and 2.5, are 1.4 and 1.75
    values = [[0, 0], [-7 / 3, 0], [7 / 3, 9], [7 / 3, 0]]
    np.testing.assert_allclose(latent("ternary").rounded(), values, rtol=1e-6)


def test_the_gradient_passes_to_the_latent_weight_unless_it_is_far_out():
    one = latent("binary")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(one.straight_through() * np.arange(8.0, dtype="float32").reshape(4, 2))
    # 9 is more than 3 times the mean magnitude of its channel, 2.5
    np.testing.assert_allclose(tape.gradient(loss, one.weight.value), [[0, 1], [2, 3], [4, 0], [6, 7]])


def test_a_step_changes_the_latent_weights_and_the_statistics_of_normalizations():
    inputs = keras.Input((4,))
    x = layers.BatchNormalization()(layers.Dense(3, name="hidden")(inputs))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    kernel = model.get_layer("hidden").kernel
    training = wrapped(model, [Latent(kernel, "binary", (1,))])
    training.compile("sgd", "sparse_categorical_crossentropy")
    before = [weight.numpy() for weight in model.weights]
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    training.fit(x, np.arange(8) % 2, verbose=0)
    changed = {w.path.split("/", 1)[-1] for w, b in zip(model.weights, before, strict=True) if not np.allclose(w, b)}
    assert {"kernel", "moving_mean", "moving_variance"} <= {path.split("/")[-1] for path in changed}
    assert len(np.unique(np.abs(kernel.numpy()))) > 3
    rounded = keras.Model(model.inputs, model.outputs)
    kernel.assign(Latent(kernel, "binary", (1,)).rounded())
    np.testing.assert_allclose(training.predict(x, verbose=0), rounded.predict(x, verbose=0), rtol=1e-5)


def branching():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="through_pooling")(inputs)
    x = layers.Conv2D(4, 3, name="plain")(layers.MaxPooling2D(2)(x))
    x = layers.LeakyReLU(name="also_averaged")(x)
    y = layers.Conv2D(4, 1, activation="tanh", name="to_the_end")(x)
    return keras.Model(
        inputs, layers.Dense(2, name="last")(layers.Flatten()(y)) + layers.GlobalAveragePooling2D()(x)[:, :2]
    )


def test_an_activation_becomes_a_sign_where_it_feeds_binarized_layers_only():
    everything = {"through_pooling", "plain", "to_the_end", "last"}
    assert replaceable(branching(), everything) == {"through_pooling", "to_the_end"}
    assert replaceable(branching(), everything - {"last"}) == {"through_pooling"}


def test_signs_replace_the_activation_alone():
    model = branching()
    copy = with_signs(model, "model", {"through_pooling"}, Sign())
    assert copy.get_layer("through_pooling").activation is keras.activations.linear
    assert copy.get_layer("to_the_end").activation is keras.activations.tanh
    signs = keras.Model(copy.inputs, next(layer for layer in copy.layers if isinstance(layer, Sign)).output)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1))
    assert set(np.unique(signs.predict(x, verbose=0))) == {-1.0, 1.0}


def test_the_gradient_of_a_sign_is_one_near_zero_and_the_sign_of_zero_is_zero_as_in_the_file():
    x = tf.constant([-2.0, -0.5, 0.0, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = Sign()(x)
    assert value.numpy().tolist() == [-1, -1, 0, 1, 1]
    assert tape.gradient(value, x).numpy().tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("levels", ["binary", "ternary"])
def test_rounding_what_is_rounded_changes_nothing(levels):
    one = latent(levels)
    again = Latent(keras.Variable(one.rounded()), levels, (1,))
    if levels == "binary":
        np.testing.assert_allclose(again.rounded(), one.rounded(), rtol=1e-6)
    else:
        np.testing.assert_array_equal(np.sign(again.rounded()), np.sign(one.rounded()))


def test_the_activation_in_the_cell_of_a_recurrent_layer_stays():
    inputs = keras.Input((5, 3))
    x = layers.LSTM(4, return_sequences=True, name="lstm")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="dense")(layers.LSTM(4, name="second")(x)))
    assert replaceable(model, {"lstm", "second", "dense"}) == set()
