"""The smaller model is the given one with what left set to zero: in every tensor, on every kind of graph."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from keras import layers

from tests import zoo
from tests.random_graphs import RECIPES, built, randomize
from tests.test_models import CASES, made
from tfopt.errors import UnsupportedError
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.graph.channels.groups import find_groups
from tfopt.graph.channels.removal import remove_channels
from tfopt.graph.channels.tracing import trace
from tfopt.graph.channels.union_find import UnionFind
from tfopt.graph.channels.verification import VerificationError, verify
from tfopt.graph.random_inputs import random_inputs
from tfopt.techniques.structured.costs import Costs

ANY = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


MOST_DIFFERENT = 1e-5  # of the largest number of a tensor


def removed(model, seed=0, share=0.5):
    """Remove a random share of each group; return the result with the graph and what is kept."""
    graph = trace(model, "model.keras")
    rng = np.random.default_rng(seed)
    gone = [rng.permutation(group.roots)[: int(share * len(group.roots))] for group in find_groups(graph)]
    kept = ~np.isin(graph.roots, np.concatenate(gone) if gone else [])
    return remove_channels(model, graph, kept), graph, kept


def difference(model, small, graph, kept):
    """The largest difference of any tensor from that of the original without what left."""
    return verify(model, small, graph, kept, random_inputs(model))


def remove(model):
    """Remove channels as `removed` does, and prove the result."""
    small, graph, kept = removed(model)
    assert difference(model, small, graph, kept) <= MOST_DIFFERENT
    return small, graph, kept


CHANNELS = {"conv1d": 32, "lstm": 32, "bidirectional_gru": 24, "transformer": 34, "nested": 24, "residual": 32,
            "squeeze_excite": 8, "shared_layer": 0, "masked_tokens": 13, "two_in_two_out": 8, "stacked_cells": 0,
            "autoencoder": 2}  # fmt: skip


@pytest.mark.parametrize("build", [*zoo.CLASSIFIERS, *zoo.OTHERS], ids=lambda build: build.__name__)
def test_every_tensor_is_that_of_the_original_without_what_left(build):
    model = randomize(build())
    assert sum(len(group.roots) for group in find_groups(trace(model, "model.keras"))) == CHANNELS[build.__name__]
    before = model.get_weights()
    small, graph, kept = remove(model)
    assert type(small) is type(model)
    assert [tensor.shape for tensor in small.outputs] == [tensor.shape for tensor in model.outputs]
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    if CHANNELS[build.__name__]:
        assert small.count_params() < model.count_params()
        assert small.count_params() == Costs.of(model, graph).parameters(kept)


@settings(max_examples=12, **ANY)
@given(RECIPES)
def test_random_graphs_lose_channels_and_nothing_else(recipe):
    model = built(recipe)
    assert difference(model, *removed(model)) <= MOST_DIFFERENT
    keras.utils.clear_session()


def test_the_calls_of_a_shared_layer_are_told_apart_in_whatever_order_the_smaller_model_has_them():
    steps = [*[("conv", 0, 0, 0, 2)] * 3, ("shared", 0, 0, 0, 2), ("shared", 1, 0, 0, 2)]
    model = built((2, steps, (("flatten", 2), ("flatten", 2)), 2, "relu", 0))
    small, graph, kept = removed(model)
    assert small.count_params() < model.count_params()
    assert difference(model, small, graph, kept) <= MOST_DIFFERENT


@pytest.mark.slow
@settings(max_examples=200, **ANY)
@given(RECIPES)
def test_two_hundred_random_graphs_lose_channels_and_nothing_else(recipe):
    model = built(recipe)
    assert difference(model, *removed(model)) <= MOST_DIFFERENT
    keras.utils.clear_session()


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "kind", "options"), CASES)
def test_every_builder_loses_channels_and_nothing_else(arch, kind, options):
    model = randomize(made(arch, kind, options))
    small, *_ = remove(model)
    assert small.count_params() < model.count_params()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),
    [("MobileNetV2", 0.8), ("MobileNetV3Small", 0.8), ("ResNet50", 0.9), ("EfficientNetB0", 0.8), ("DenseNet121", 0.9),
     ("InceptionV3", 0.9), ("Xception", 0.9), ("ConvNeXtTiny", 0.6), ("NASNetMobile", 0.9)],
)  # fmt: skip
def test_keras_applications_lose_channels_and_nothing_else(name, least):
    model = randomize(getattr(keras.applications, name)(weights=None))
    _, graph, _ = remove(model)
    made = sum(len(slices.ids) for slices in graph.weight_slices if slices.role == "makes")
    free = sum(np.count_nonzero(graph.roots[slices.ids]) for slices in graph.weight_slices if slices.role == "makes")
    assert free / made >= least


def test_a_fault_in_the_surgery_is_found(monkeypatch):
    model = randomize(zoo.residual())
    graph = trace(model, "model.keras")
    kept = ~np.isin(graph.roots, find_groups(graph)[0].roots[:2])
    small = remove_channels(model, graph, kept)
    small.layers[1].set_weights([weight * 1.001 for weight in small.layers[1].get_weights()])
    with pytest.raises(VerificationError, match="differs by"):
        verify(model, small, graph, kept, random_inputs(model))


def test_a_fault_that_the_output_hides_is_found():
    inputs = keras.Input((4,))
    x = layers.Dense(8, name="hidden")(inputs)
    model = randomize(keras.Model(inputs, keras.ops.clip(layers.Dense(2)(x), 0, 0)))
    graph = trace(model, "model.keras")
    kept = ~np.isin(graph.roots, find_groups(graph)[0].roots[:2])
    small = remove_channels(model, graph, kept)
    small.layers[1].set_weights([weight + 1 for weight in small.layers[1].get_weights()])
    with pytest.raises(VerificationError, match="hidden"):
        verify(model, small, graph, kept, random_inputs(model))


def _group_sizes(model):
    return {group.name: (group.kind, len(group.roots)) for group in find_groups(trace(model, "model.keras"))}


def test_tensors_that_are_added_lose_the_same_channels():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="one")(inputs)
    y = layers.Conv2D(6, 3, padding="same", name="two")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Add()([x, y]))))
    assert _group_sizes(model) == {"one and 1 more": ("filters", 6)}


def test_channels_of_outputs_and_of_what_cannot_be_followed_stay_with_the_reason():
    inputs = keras.Input((8,))
    x = layers.Dense(6, name="normalized")(inputs)
    x = layers.Dense(5, activation="softmax", name="softmax")(layers.LayerNormalization(name="norm")(x))
    graph = trace(keras.Model(inputs, layers.Dense(2, name="out")(x)), "model.keras")
    assert find_groups(graph) == []
    assert graph.why_kept("normalized") == "they go through norm (it normalizes over all channels: their number counts)"
    assert graph.why_kept("softmax") == "its activation, softmax, looks at all channels at once"
    assert graph.why_kept("out") == "they are an output of the model"


def test_heads_leave_whole_and_a_residual_stream_that_is_normalized_stays():
    sizes = _group_sizes(zoo.transformer())
    assert sorted(sizes.values()) == [("heads", 2), ("units", 32)]  # the width of the stream, 16, is not among them


def test_groups_of_a_convolution_lose_the_same_positions():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="before")(inputs)
    x = layers.Conv2D(12, 3, groups=4, name="grouped")(x)
    model = randomize(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))))
    assert _group_sizes(model) == {"before": ("filters", 2), "grouped": ("filters", 3)}
    small, *_ = remove(model)
    assert [(layer.filters, layer.groups) for layer in small.layers if isinstance(layer, layers.Conv2D)] == [
        (4, 1),
        (8, 4),
    ]


def test_a_depthwise_layer_by_another_name_loses_whole_groups():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, groups=6)(layers.Conv2D(6, 3)(inputs))
    small, *_ = remove(randomize(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))))
    assert [(layer.filters, layer.groups) for layer in small.layers if isinstance(layer, layers.Conv2D)] == [
        (3, 1),
        (3, 3),
    ]


def test_states_that_go_from_an_encoder_to_a_decoder_lose_the_same_units():
    source, target = keras.Input((5, 3)), keras.Input((4, 3))
    _, *states = layers.LSTM(8, return_state=True, name="encoder")(source)
    x = layers.LSTM(8, name="decoder")(target, initial_state=states)
    model = randomize(keras.Model([source, target], layers.Dense(2)(x)))
    assert _group_sizes(model) == {"encoder and 1 more": ("units", 8)}
    small, *_ = remove(model)
    assert {layer.units for layer in small.layers if isinstance(layer, layers.LSTM)} == {4}


def test_a_nested_model_stays_nested_and_its_input_gets_smaller():
    small, *_ = remove(randomize(zoo.nested()))
    assert [layer.name for layer in small.layers][1:] == ["body", "head"]
    assert small.get_layer("head").inputs[0].shape == (None, 4, 4, 8)


def test_the_macs_that_are_counted_without_building_are_those_of_the_built():
    model = randomize(zoo.residual())
    small, graph, kept = remove(model)
    assert Costs.of(model, graph).multiplications(kept) == pytest.approx(keras_macs(small))


def test_a_subclassed_model_is_refused_by_name():
    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UnsupportedError, match=r"theirs\.keras is a Mine, a model whose graph is not known"):
        trace(Mine(), "theirs.keras")


def test_ids_hang_together_through_others_and_stay_with_what_stays():
    ids = UnionFind()
    one, two, three = ids.new(2), ids.new(2), ids.new(2)
    ids.join(one, two)
    ids.join(two[:1], three[:1])
    ids.freeze(three[1:], "so")
    assert ids.roots().tolist() == [0, 1, 2, 1, 2, 1, 0]


def _ends(x, inputs):
    return randomize(keras.Model(inputs, layers.Dense(2, name="end")(layers.Flatten()(x))))


def _shared_norm():
    inputs = keras.Input((6, 8))
    norm = layers.BatchNormalization()
    return _ends(layers.Concatenate()([norm(inputs), norm(layers.Dense(8)(inputs))]), inputs)


def _shared_prelu():
    inputs = keras.Input((6, 8))
    slopes = layers.PReLU()
    return _ends(layers.Concatenate()([slopes(layers.Dense(8)(inputs)), slopes(inputs)]), inputs)


def _shared_reshape():
    inputs = keras.Input((8,))
    reshape = layers.Reshape((1, 8))
    return _ends(layers.Concatenate()([reshape(inputs), reshape(layers.Dense(8)(inputs))]), inputs)


def _shared_einsum():
    inputs = keras.Input((6, 8))
    dense = layers.EinsumDense("abc,cd->abd", (6, 5), bias_axes="d")
    return _ends(layers.Concatenate()([dense(layers.Dense(8)(inputs)), dense(inputs)]), inputs)


def _called_again_on_other_axes():
    inputs = keras.Input((8, 8))
    dense = layers.Dense(4)
    x = layers.Dense(8)(inputs)
    return _ends(layers.Concatenate()([dense(x), dense(layers.Permute((2, 1))(x))]), inputs)


def _attention_to_channels():
    inputs = keras.Input((8, 8))
    value = layers.Permute((2, 1))(layers.Dense(8)(inputs))
    return _ends(layers.MultiHeadAttention(4, 4)(layers.Dense(8)(inputs), value), inputs)


def _attention_scores():
    inputs = keras.Input((6, 8))
    x, scores = layers.MultiHeadAttention(4, 4)(inputs, inputs, return_attention_scores=True)
    return _ends(layers.Concatenate()([layers.Flatten()(x), layers.Flatten()(scores)]), inputs)


def _reshape_operation():
    inputs = keras.Input((6, 8))
    return _ends(keras.ops.reshape(layers.Dense(4)(inputs), (-1, 2, 12)), inputs)


def _channels_in_the_batch():
    inputs = keras.Input((8,))
    x = keras.ops.reshape(layers.Dense(16)(inputs), (-1, 4))
    return randomize(keras.Model(inputs, layers.Dense(2)(x)))


def _nested_by_keyword():
    inner = keras.Input((8,))
    model = keras.Model(inner, layers.Dense(6)(inner))
    inputs = keras.Input((8,))
    return _ends(model(inputs=layers.Dense(8)(inputs)), inputs)


def _adapted():
    inputs = keras.Input((8,))
    model = _ends(layers.Dense(16)(layers.Dense(16, name="adapted")(inputs)), inputs)
    model.get_layer("adapted").enable_lora(2)
    return model


def _new_axes():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3)(inputs)
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    return _ends((x * gate[:, None, None, :])[..., :], inputs)


ODD = [_shared_norm, _shared_prelu, _shared_reshape, _shared_einsum, _called_again_on_other_axes,
       _attention_to_channels, _attention_scores, _reshape_operation, _channels_in_the_batch, _nested_by_keyword,
       _adapted, _new_axes]  # fmt: skip


@pytest.mark.parametrize("build", ODD, ids=lambda build: build.__name__)
def test_layers_called_in_odd_ways_are_followed_or_stay(build):
    model = build()
    assert difference(model, *removed(model)) <= MOST_DIFFERENT


def test_a_gate_with_new_axes_loses_the_channels_that_it_gates():
    assert list(_group_sizes(_new_axes()).values()) == [("filters", 6)]


def test_filters_at_each_step_are_filters():
    inputs = keras.Input((4, 8, 8, 1))
    assert list(_group_sizes(_ends(layers.TimeDistributed(layers.Conv2D(6, 3))(inputs), inputs)).values()) == [
        ("filters", 6)
    ]
