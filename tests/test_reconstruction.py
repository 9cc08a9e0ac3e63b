"""The choice of channels by what others can rebuild: its maths, and what it is worth on models."""

from itertools import combinations

import keras
import numpy as np
import pytest
from keras import layers

from tests.random_graphs import randomize
from tfopt.graph.channels.groups import find_groups
from tfopt.graph.channels.tracing import trace
from tfopt.techniques.structured.readers import removal_errors
from tfopt.techniques.structured.reconstruction import Reader, removal_order


def moments(rng, size):
    mix = rng.normal(size=(3 * size, size)) @ rng.normal(size=(size, size))
    return mix.T @ mix / len(mix)


def least_squares_error(second, kernel, gone):
    """The error of the best kernel that does not read the rows `gone`."""
    left = np.setdiff1d(np.arange(len(second)), gone)
    fitted = np.linalg.solve(second[np.ix_(left, left)], second[left] @ kernel)
    missing = kernel.copy()
    missing[left] -= fitted
    return np.sum(missing * (second @ missing))


@pytest.mark.parametrize("size", [1, 3])
def test_the_errors_on_the_way_are_those_of_least_squares_in_all_readers(size):
    rng = np.random.default_rng(0)
    seconds = [moments(rng, 6 * size) for _ in range(2)]
    kernels = [rng.normal(size=(6 * size, 4)) for _ in range(2)]
    readers = [Reader(np.linalg.inv(second), kernel, size) for second, kernel in zip(seconds, kernels, strict=True)]
    order, errors = removal_order(readers)
    assert sorted(order) == list(range(6))
    for count in range(1, 6):
        gone = np.concatenate([np.arange(size) + channel * size for channel in order[:count]])
        wanted = sum(least_squares_error(*both, gone) for both in zip(seconds, kernels, strict=True))
        assert errors[count - 1] == pytest.approx(wanted)


def test_of_channels_that_are_alike_one_stays_and_a_chosen_half_is_nearly_the_best():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 8))
    x[:, 4:] = x[:, :4] + 0.1 * rng.normal(size=(400, 4))
    second, kernel = x.T @ x / 400, rng.normal(size=(8, 5))
    order, errors = removal_order([Reader(np.linalg.inv(second), kernel, 1)])
    assert sorted(order[:4] % 4) == [0, 1, 2, 3]
    best = min(least_squares_error(second, kernel, np.array(gone)) for gone in combinations(range(8), 4))
    assert errors[3] < 1.1 * best


def test_many_leave_in_a_round_as_if_one_after_the_other():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2000, 100)) @ rng.normal(size=(100, 100))
    second, kernel = x.T @ x / 2000 + np.eye(100), rng.normal(size=(100, 3))
    reader = Reader(np.linalg.inv(second), kernel, 1)
    _, errors = removal_order([reader])
    alone: list[float] = []
    while len(alone) < 50:
        gone = np.argmin(reader.errors(), keepdims=True)
        alone.append(reader.errors()[gone[0]] + (alone[-1] if alone else 0))
        reader = reader.without(gone)
    assert errors[49] < 1.02 * alone[49]


def residual():
    """A stream of 8 channels that three layers read, and inside a depthwise convolution and a concatenation."""
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    y = layers.Conv2D(6, 1, activation="relu", name="inner")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y)
    x = layers.Add()([x, layers.Conv2D(8, 1, name="outer")(y)])
    x = layers.Concatenate()([layers.Conv2D(4, 3, name="one")(x), layers.Conv2D(5, 3, name="other")(x)])
    outputs = layers.Dense(3, activation="softmax", name="classes")(layers.Flatten()(x))
    return randomize(keras.Model(inputs, outputs))


def test_groups_of_every_kind_have_errors_that_grow_and_what_can_be_rebuilt_costs_nothing():
    model = residual()
    kernel, bias = model.get_layer("inner").get_weights()
    kernel[..., 2], bias[2] = kernel[..., 4], bias[4]
    model.get_layer("inner").set_weights([kernel, bias])
    deep, deep_bias = model.get_layer("depthwise").get_weights()
    deep[..., 2, 0] = -3 * deep[..., 4, 0]
    model.get_layer("depthwise").set_weights([deep, deep_bias])
    graph = trace(model, "model")
    groups = find_groups(graph)
    x = np.random.default_rng(0).normal(size=(100, 6, 6, 3)).astype("float32")
    errors = removal_errors(model, graph, groups, [x])
    found = {group.makers[0]: np.array([errors[root] for root in group.roots.tolist()]) for group in groups}
    assert {name: len(those) for name, those in found.items()} == {"stem": 8, "inner": 6, "one": 4, "other": 5}
    assert all((those > 0).all() for those in found.values())
    assert np.argmin(found["inner"]) in (2, 4)
    assert found["inner"].min() < 0.01 * found["inner"].max()
