"""Steps of few bits, and the gradients by which they are learnt, on arrays small enough to check by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfopt.errors import InputError
from tfopt.techniques.qat.activation_rounding import (
    ActivationRounding,
    Range,
    observe_ranges,
    round_activations,
    step_and_zero_point,
)
from tfopt.techniques.qat.learned_kernels import learned_kernels, round_weights
from tfopt.techniques.qat.quantized_tensors import Place, find_quantized_tensors
from tfopt.techniques.qat.step_sizes import largest_integer, least_squares_steps, nearest_integers
from tfopt.techniques.qat.training import RoundedTraining

RNG = np.random.default_rng(0)


def error(kernel, steps, bits):
    return float(np.sum((kernel - nearest_integers(kernel, steps, bits) * steps) ** 2))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_no_step_of_a_fine_grid_rounds_a_channel_much_better_than_that_of_least_squares(bits):
    kernel = RNG.standard_t(3, size=(200, 1))
    found = error(kernel, least_squares_steps(kernel, bits), bits)
    grid = np.abs(kernel).max() / largest_integer(bits) * np.linspace(0.05, 1.1, 2000)
    assert found <= 1.15 * min(error(kernel, np.array([step]), bits) for step in grid)


def test_integers_times_steps_are_found_again_and_a_channel_of_zeros_has_a_step():
    integers = np.array([[7, -1, 0], [-7, 3, 0], [2, 7, 0]])
    kernel = integers * [0.5, 0.02, 1.0]
    steps = least_squares_steps(kernel, bits=4)
    np.testing.assert_allclose(steps[:2], [0.5, 0.02])
    assert steps[2] > 0
    np.testing.assert_array_equal(nearest_integers(kernel, steps, bits=4), integers)


def test_channels_of_a_group_share_the_step_that_is_best_for_all_of_them():
    kernel = RNG.normal(size=(50, 3))
    [first, second] = least_squares_steps(kernel, bits=3, groups=np.array([0, 1, 0]))
    assert second == pytest.approx(least_squares_steps(kernel[:, 1:2], bits=3)[0])
    assert first == pytest.approx(least_squares_steps(kernel[:, [0, 2]].reshape(-1, 1), bits=3)[0])


def test_weights_pass_gradients_on_within_the_limits_and_steps_learn_what_rounding_costs():
    kernel, log_step = tf.Variable([0.4, -1.1, 3.0, -5.0]), tf.Variable(np.float32(np.log(0.5)))
    weights = tf.constant([1.0, 10.0, 100.0, 1000.0])
    with tf.GradientTape() as tape:
        rounded = round_weights(kernel, tf.exp(log_step), limit=3)
        loss = tf.reduce_sum(weights * rounded)
    np.testing.assert_allclose(rounded, [0.5, -1.0, 1.5, -1.5])
    to_kernel, to_step = tape.gradient(loss, [kernel, log_step])
    np.testing.assert_allclose(to_kernel, [1, 10, 0, 0])
    # eq. 3 of LSQ: round(v) - v within the limits, v being 0.8 and -2.2, and the limits beyond; times the step
    assert to_step.numpy() == pytest.approx(0.5 * (1 * (1 - 0.8) + 10 * (-2 + 2.2) + 100 * 3 + 1000 * -3), rel=1e-5)


def test_activations_are_rounded_over_a_range_and_its_step_learns_from_those_within_and_beyond():
    log_step, x = tf.Variable(np.float32(np.log(0.1))), tf.Variable([0.0, 1.23, -9.0, 40.0])
    weights = tf.constant([1.0, 10.0, 100.0, 1000.0])
    with tf.GradientTape() as tape:
        rounded = round_activations(x, tf.convert_to_tensor(log_step), tf.constant(50.0))
        loss = tf.reduce_sum(weights * rounded)
    np.testing.assert_allclose(rounded, [0.0, 1.2, -5.0, 20.5], rtol=1e-6)
    to_x, to_step = tape.gradient(loss, [x, log_step])
    np.testing.assert_allclose(to_x, [1, 10, 0, 0])
    assert to_step.numpy() == pytest.approx(10 * (1.2 - 1.23) + 100 * -5.0 + 1000 * 20.5, rel=1e-4)


def test_a_range_holds_zero_exactly():
    step, zero_point = step_and_zero_point(Range(2.0, 5.1))
    assert (step, zero_point) == (pytest.approx(0.02), 0)
    rounding = ActivationRounding(Range(-1.0, 1.04))
    assert float(rounding(tf.zeros(1))[0]) == 0
    low, high = rounding.range()
    assert high - low == pytest.approx(2.04)


def test_kernels_keep_their_layout_whatever_their_axes_of_output_channels():
    made = [
        layers.Conv2DTranspose(3, 2),
        layers.DepthwiseConv2D(2, depth_multiplier=2),
        layers.SeparableConv2D(3, 2),
        layers.Dense(3),
    ]
    inputs = keras.Input((5, 5, 4))
    model = keras.Model(inputs, [layer(inputs) for layer in made])
    kernels = learned_kernels(model, {layer.name: 3 for layer in made}, clusters=False)
    assert [kernel.steps().shape for kernel in kernels] == [(3,), (8,), (4,), (3,), (3,)]
    for kernel in kernels:
        np.testing.assert_allclose(kernel.rounded(), kernel.values(), rtol=1e-5, atol=1e-7)
        assert np.abs(kernel.integers()).max() == 3


def test_few_distinct_values_stay_few_with_one_step_for_all_channels():
    model = keras.Sequential([keras.Input((64,)), layers.Dense(8)])
    model.layers[0].kernel.assign(RNG.choice([-0.31, 0.0, 0.17, 0.4], size=(64, 8)))
    name = model.layers[0].name
    [kept], [lost] = (learned_kernels(model, {name: 8}, clusters=clusters) for clusters in (True, False))
    assert len(np.unique(kept.values())) == 4
    assert len(np.unique(lost.values())) > 4


def bridge():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="folded")(inputs)
    x = layers.ReLU(name="fused")(layers.BatchNormalization(name="norm")(x))
    y = layers.MaxPooling2D(name="moves")(x)
    y = layers.Conv2D(4, 1, activation="relu", name="plain")(y)
    z = layers.Conv2D(4, 1, name="read_twice")(layers.AveragePooling2D(2, name="averages")(x))
    y = layers.Activation("relu", name="sum_fused")(layers.Add(name="sum")([y, z, layers.ReLU(name="own")(z)]))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="answer")(layers.Flatten()(y)))


def test_what_is_no_tensor_of_its_own_in_the_file_is_not_rounded():
    model = bridge()
    names = [layer.name for layer in model.layers[1:]]  # of the calls, in order
    places = find_quantized_tensors(model)
    assert Place(-1, 0) in places
    found = {names[place.call] for place in places if place.call >= 0}
    assert found == {"fused", "plain", "averages", "read_twice", "own", "sum_fused"}


def test_ranges_are_those_of_all_samples_and_a_nested_model_is_looked_into():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="twice", use_bias=False), layers.ReLU()])
    inner.layers[0].kernel.assign(2 * np.eye(4))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(inner(inputs)))
    x = np.linspace(-3, 5, 400, dtype="float32").reshape(100, 4)
    places = find_quantized_tensors(model)
    found = observe_ranges(model, places, [x], lambda _: None)
    assert [found[place] for place in places] == [Range(-3.0, 5.0), Range(0.0, 10.0)]


def test_nan_has_no_range():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.ReLU()(layers.Dense(3)(inputs))))
    with pytest.raises(InputError, match="NaN or infinity for samples of the calibration split"):
        observe_ranges(model, find_quantized_tensors(model), [np.full((2, 4), np.nan, "float32")], lambda _: None)


class Subclassed(keras.Model):
    """A model whose graph is not known."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, name="dense")

    def call(self, inputs):
        return self.dense(inputs)


def test_a_model_whose_graph_is_not_known_is_trained_with_rounded_weights_as_well():
    model, x = Subclassed(), RNG.normal(size=(5, 4)).astype("float32")
    model(x)
    [kernel] = learned_kernels(model, {"dense": 2}, clusters=False)
    learner = RoundedTraining(model, [kernel], {})
    assert len(np.unique(kernel.integers())) <= 3
    np.testing.assert_allclose(learner(x), x @ kernel.values(), rtol=1e-5, atol=1e-6)


def test_a_tensor_that_is_always_zero_has_no_range_yet():
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, kernel_initializer="zeros")(inputs)
    model = keras.Model(inputs, layers.Dense(2, bias_initializer="ones")(hidden))
    places = find_quantized_tensors(model)
    found = observe_ranges(model, places, [np.ones((5, 4), "float32")], lambda _: None)
    assert {place.call for place in places} - {place.call for place in found} == {0}
