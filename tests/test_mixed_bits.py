"""Bits of each layer within a budget: the choice is exact, what it is made by is measured, and the file keeps to it."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import SAMPLES, context
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import operations
from tfopt.techniques.allocation import Cost, allocate, least_size
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.mixed_bits import MixedBits
from tfopt.techniques.quantization.post_training import quantize_after_training
from tfopt.techniques.rounding.costs import measure_errors


def some_costs(seed, kernels=6):
    rng = np.random.default_rng(seed)
    return {
        (f"layer{number}", 0): {
            levels: Cost(float(error), int(size))
            for levels, error, size in zip(
                ("int8", "int4", "int2"), rng.random(3), rng.integers(1, 40, size=3), strict=True
            )
        }
        for number in range(kernels)
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_within_the_budget_has_less_error(seed):
    costs = some_costs(seed)
    for most in (least_size(costs), least_size(costs) + 17, 200):
        chosen = [costs[place][levels] for place, levels in allocate(costs, most).items()]
        assert sum(cost.size for cost in chosen) <= most
        others = itertools.product(*(options.values() for options in costs.values()))
        best = min(sum(c.error for c in some) for some in others if sum(c.size for c in some) <= most)
        assert sum(cost.error for cost in chosen) == pytest.approx(best)


def test_a_hundred_kernels_are_chosen_among_at_once():
    costs = some_costs(0, kernels=100)
    chosen = allocate(costs, least_size(costs) + 400)
    assert 0 < sum(levels == "int2" for levels in chosen.values()) < 100


def test_the_mean_of_bits_counts_the_kernels_that_cannot_be_chosen():
    errors = {("a", 0): {"int8": 0.0, "int4": 0.1, "int2": 1.0}, ("b", 0): {"int8": 0.0, "int4": 0.2, "int2": 2.0}}
    found = MixedBits(errors, {("a", 0): 800, ("b", 0): 800, ("lstm", 1): 400})
    assert found.of_mean(8).levels == {("a", 0): "int8", ("b", 0): "int8"}
    assert found.of_mean(6.4).levels == {("a", 0): "int4", ("b", 0): "int8"}
    assert found.mean_bits(found.of_mean(6.4)) == 6.4
    assert found.mean_bits(found.of_mean(1)) == pytest.approx((1600 * 2 + 400 * 8) / 2000)  # the fewest that there are


def net():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
    x = layers.Flatten()(layers.DepthwiseConv2D(3, name="depthwise")(x))
    branch = layers.Dense(4, use_bias=False, name="weak")(x)
    x = layers.Dense(4, name="strong")(x)
    return keras.Model(inputs, layers.Add()([x, layers.Rescaling(0.01)(branch)]))


def test_the_error_of_a_kernel_is_what_rounding_it_alone_does_to_the_output():
    model, x = net(), np.random.default_rng(0).normal(size=(64, 6, 6, 2)).astype("float32")
    before = [weight.numpy() for weight in model.weights]
    options = {(name, 0): ["int8", "int4", "int2"] for name in ("conv", "depthwise", "weak", "strong")}
    errors = measure_errors(model, options, [x], lambda *_: None)
    assert list(errors) == list(options)
    for own in errors.values():
        assert own["int8"] < own["int4"] < own["int2"]
    assert errors["weak", 0]["int2"] < 0.01 * errors["strong", 0]["int2"]  # of the same shape, but it hardly counts
    assert errors["strong", 0]["int8"] < 1e-3
    assert all(np.array_equal(a, b) for a, b in zip(before, (w.numpy() for w in model.weights), strict=True))


def test_shares_of_classes_are_compared_by_their_divergence():
    model = net()
    shares = keras.Model(model.inputs, layers.Softmax()(model.outputs[0]))
    x = np.random.default_rng(0).normal(size=(64, 6, 6, 2)).astype("float32")
    found = measure_errors(shares, {("strong", 0): ["int4", "int2"]}, [x], lambda *_: None)["strong", 0]
    assert 0 < found["int4"] < found["int2"] < 1


@pytest.fixture(scope="module")
def mixed(digits):
    config = QuantizeConfig(bits_budget=3)
    return quantize_after_training(load_keras(SAMPLES / "digits-cnn.keras"), config, context(digits))


def test_a_budget_of_bits_is_kept_and_each_layer_says_its_bits_and_errors(mixed):
    [gate] = [gate for gate in mixed.gates if gate.gate == "bits-budget"]
    assert gate.passed
    assert 2 < gate.found <= 3
    told = {change.layer: change.detail for change in mixed.layers}
    assert "int2" in told["conv2b"]  # the largest
    assert "alone it moves the output by" in told["conv2b"]
    assert all(f"{bits} bits: " in told["conv2b"] for bits in (8, 4, 2))
    assert any("bits a weight on average" in note for note in mixed.notes)
    assert any("the integers of all 5 kernels in the file are those that were chosen" in note for note in mixed.notes)


def test_two_bits_of_a_convolution_are_unpacked_in_the_graph_and_compute_in_integers(mixed):
    found = operations(mixed.artifact.payload)
    stored = {constant.type for one in found for constant in one.constants if len(constant.shape) > 1}
    assert "INT2" in stored
    assert {one.output_type for one in found if one.kind == "CONV_2D"} == {"INT8"}
    assert any("unpacked to 8 bits in the graph" in note for note in mixed.notes)


@pytest.mark.slow
def test_a_file_is_no_larger_than_asked_for(digits):
    from tfopt.formats.tflite.packing import packed_size

    config = QuantizeConfig(max_size=10_500, metadata=False)
    result = quantize_after_training(load_keras(SAMPLES / "digits-cnn.keras"), config, context(digits))
    assert 9_500 < packed_size(result.artifact.payload) <= 10_500
    [gate] = [gate for gate in result.gates if gate.gate == "max-size"]
    assert gate.passed


def test_a_budget_below_the_least_says_the_least_and_fails(tfopt):
    ended = tfopt("quantize", SAMPLES / "digits-cnn.keras", "--int8", "--bits-budget", "1.5", "--json")
    assert ended.code == 1
    assert any("2.00 bits a weight are the least that int8 has" in note for note in ended.report["notes"])
    [gate] = [gate for gate in ended.report["gates"] if gate["gate"] == "bits-budget"]
    assert (gate["passed"], gate["found"]) == (False, 2.0)


def test_a_budget_without_samples_is_refused():
    bare = KerasArtifact.from_model(load_keras(SAMPLES / "digits-cnn.keras").model, "m.keras")
    with pytest.raises((InputError, UnsupportedError), match="must be calibrated"):
        quantize_after_training(bare, QuantizeConfig(precision="weights", bits_budget=3), context())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits_budget": 3, "weights": "int4"}, "choose the bits of each layer"),
        ({"bits_budget": 3, "algorithm": "octav"}, "choose the bits of each layer"),
        ({"bits_budget": 3, "max_size": 40_000}, "two budgets"),
        ({"max_size": 40_000, "precision": "float16"}, "no `bits_budget` or `max_size`"),
        ({"bits_budget": 9}, "less than or equal to 8"),
        ({"bits_budget": 0}, "greater than 0"),
    ],
)
def test_what_does_not_go_with_a_budget_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        QuantizeConfig(**options)
