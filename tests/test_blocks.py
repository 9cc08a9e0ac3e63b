"""Residual blocks are found, and leave so that what passes by goes on."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.random_graphs import randomize
from tfopt.errors import UnsupportedError
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.residual_blocks import find_residual_blocks, remove_blocks


def residual(operator=False):
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    for name in ("one", "two"):
        y = layers.Conv2D(4, 3, padding="same", activation="relu", name=f"{name}_conv")(x)
        x = y + x if operator else layers.Add(name=name)([x, y])
    y = layers.Conv2D(4, 3, padding="same", name="left")(x)
    x = layers.Add(name="no_way_around")([y, layers.Conv2D(4, 1, name="right")(x)])
    return randomize(keras.Model(inputs, layers.Dense(2, name="out")(layers.Flatten()(x))))


def test_an_addition_is_a_block_if_one_input_is_made_from_the_other():
    found = find_residual_blocks(residual())
    assert [(block.name, block.shortcut, block.layers) for block in found] == [
        ("one", 0, ("one_conv",)),
        ("two", 0, ("two_conv",)),
    ]


@pytest.mark.parametrize("operator", [False, True])
def test_without_a_block_the_model_answers_as_if_it_had_added_nothing(operator):
    model = residual(operator)
    block = find_residual_blocks(model)[1]
    short = remove_blocks(model, [block], "model.keras")
    assert short.count_params() == model.count_params() - (4 * 4 * 9 + 4)
    assert "two_conv" not in [layer.name for layer in short.layers]
    conv = model.get_layer("two_conv")
    conv.set_weights([np.zeros_like(weight) for weight in conv.get_weights()])
    [x] = random_inputs(model)
    np.testing.assert_allclose(short(x), model(x), atol=1e-6)


def test_blocks_inside_a_nested_model_are_found_and_leave():
    inner = residual()
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Dense(2)(inner(inputs)))
    flat = remove_blocks(model, [], "model.keras")
    [x] = random_inputs(model)
    np.testing.assert_allclose(flat(x), model(x), atol=1e-6)
    assert len(find_residual_blocks(flat)) == 2
    assert remove_blocks(flat, find_residual_blocks(flat), "model.keras").count_params() < flat.count_params()


def test_attention_and_the_dense_layers_after_it_are_blocks_of_their_own():
    inputs = keras.Input((6, 8))
    x = layers.Add(name="attended")([inputs, layers.MultiHeadAttention(2, 4)(inputs, inputs)])
    y = layers.Dense(8, name="narrow")(layers.Dense(16, name="wide")(layers.LayerNormalization(name="norm")(x)))
    x = layers.Add(name="fed")([x, y])
    found = find_residual_blocks(keras.Model(inputs, layers.Dense(2)(x)))
    assert [block.name for block in found] == ["attended", "fed"]
    assert found[1].layers == ("norm", "wide", "narrow")


def test_a_model_whose_calls_are_not_known_is_refused():
    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UnsupportedError, match="Mine"):
        remove_blocks(Mine(), [], "theirs.keras")
