"""Weights of few bits, rounded by what each layer is fed: what is in the file, what is told, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import SAMPLES, context
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import float_operations, operations
from tfopt.formats.tflite.stored_weights import StoredWeights
from tfopt.graph.kernels import find_kernels, to_matrix
from tfopt.graph.model_copy import rebuild
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.activation_ranges import Histogram, least_error_range
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import choose, quantize_after_training
from tfopt.techniques.quantization.preparation import prepare
from tfopt.techniques.quantization.widths import plan_widths
from tfopt.techniques.rounding.sequential import round_model


def nothing(*_):
    pass


def small(**first):
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(8, 3, name="first", **first)(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise", activation="relu")(x)
    x = layers.SeparableConv2D(40, 3, name="separable")(x)
    x = layers.Conv2DTranspose(40, 2, name="transposed")(x)
    return keras.Model(inputs, layers.Dense(3, name="last")(layers.Flatten()(x)))


def images(count=40):
    return np.random.default_rng(0).normal(size=(count, 8, 8, 2)).astype("float32")


def rounded(model, levels="int4", x=None, **options):
    copy = rebuild(model, "model")
    seen = round_model(
        model, copy, lambda *_: levels, [images() if x is None else x], nothing, compensate=True, **options
    )
    return copy, seen


@pytest.fixture(scope="module")
def int4(digits):
    """The sample CNN with 4 bits: what was prepared, the file, and the notes."""
    artifact, config = load_keras(SAMPLES / "digits-cnn.keras"), QuantizeConfig(weights="int4")
    prepared, file, notes = choose(prepare(artifact, config, context(digits)), config, Silent())
    return prepared, file, [*prepared.notes, *notes, *prepared.remarks(file)]


def test_the_file_has_the_integers_of_the_rounded_keras_model_in_each_layer(int4):
    prepared, file, _ = int4
    stored = StoredWeights(file.payload).read()
    assert sorted(each.bits for each in stored.values()) == [4, 4, 4, 8, 8]
    for layer in prepared.rounding.choice.model.layers:
        for kernel in find_kernels(layer):
            matrix = to_matrix(layer.weights[kernel.position].numpy(), kernel.axes)
            assert sum(same(each.matrix(each.values), matrix) for each in stored.values()) == 1, layer.name


def same(found, wanted):
    """Whether the columns are the same numbers; a file has the axes of a kernel in another order."""
    return found.shape == wanted.shape and np.allclose(np.sort(found, axis=0), np.sort(wanted, axis=0), rtol=1e-6)


def test_int4_loses_next_to_nothing_and_says_how_it_was_rounded(int4, digits):
    prepared, file, notes = int4
    told = " ".join(notes)
    assert "with compensated rounding, on 216 validation samples" in told
    assert "the integers of all 5 kernels in the file are those that were chosen" in told
    assert "more bits than int4 (first layer): conv1a" in told
    assert "ranges of activations: the error of the output is" in told
    before, after = (one.predict(digits.validation.x).argmax(1) for one in (prepared.made.artifact, file))
    assert (after == digits.validation.y).sum() >= (before == digits.validation.y).sum() - 2
    assert len(file.payload) < 0.24 * len(prepared.made.artifact.payload)
    assert not float_operations(file.payload)[0]


def test_each_layer_is_in_the_report_with_its_bits(int4):
    prepared, file, _ = int4
    told = {c.layer: c.detail for c in prepared.layers(load_keras(SAMPLES / "digits-cnn.keras"), file)}
    assert told["conv1a"].startswith("weights int8")
    assert told["conv1b"].startswith("weights int4")
    assert told["conv1b_norm"] == "into conv1b"
    assert list(told)[:3] == ["conv1a", "conv1a_norm", "conv1b"]


@pytest.mark.parametrize(("weights", "bits"), [("int2", "INT2"), pytest.param("int3", "INT4", marks=pytest.mark.slow)])
def test_fewer_bits_are_stored_in_what_litert_has(weights, bits, digits):
    config = QuantizeConfig(precision="weights", weights=weights, keep_first_last=False)
    result = quantize_after_training(load_keras(SAMPLES / "digits-cnn.keras"), config, context(digits))
    constants = [c for o in operations(result.artifact.payload) for c in o.constants if len(c.shape) > 1]
    assert {c.type for c in constants} == {bits}
    assert max(c.distinct() for c in constants) == {"int3": 8, "int2": 4}[weights]


def test_without_samples_weights_are_rounded_to_nearest_and_that_is_told():
    bare = KerasArtifact.from_model(load_keras(SAMPLES / "digits-cnn.keras").model, "m.keras")
    result = quantize_after_training(bare, QuantizeConfig(precision="weights", weights="int4"), context())
    assert any("rounded to nearest" in note and "no samples" in note for note in result.notes)
    with pytest.raises(InputError, match="must be calibrated"):
        quantize_after_training(
            bare, QuantizeConfig(precision="weights", weights="int4", algorithm="sequential"), context()
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": "sequential"}, "8 bits lose next to nothing"),
        ({"weights": "int3", "algorithm": "octav"}, "8 of the 16 values"),
        ({"keep_first_last": False}, "`keep_first_last` False is for"),
        ({"weights": "int4", "algorithm": "minmax", "keep_first_last": False}, "`keep_first_last` False is for"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        QuantizeConfig(**options)


def test_what_litert_has_no_kernel_for_gets_more_bits_and_the_reason():
    model = small()
    few = plan_widths(model, "int2", "dynamic", keep_ends=False)
    assert few.levels == {
        ("first", 0): "int2", ("depthwise", 0): "int8", ("separable", 0): "int8", ("separable", 1): "int2",
        ("transposed", 0): "int8", ("last", 0): "int2",
    }  # fmt: skip
    assert few.why["transposed"] == "LiteRT has no fewer bits for TRANSPOSE_CONV with dynamic"
    wide = plan_widths(model, "int4", "int16", keep_ends=False)
    assert (wide.levels["depthwise", 0], wide.levels["separable", 0], wide.levels["separable", 1]) == (
        "int8", "int8", "int4",
    )  # fmt: skip


def test_with_integer_activations_every_kind_of_kernel_has_two_bits_and_answers_as_it_was_rounded(tmp_path):
    model, x = small(), images(200)
    np.save(tmp_path / "x.npy", x)
    config = QuantizeConfig(weights="int2", keep_first_last=False, calibration=tmp_path / "x.npy")
    prepared = prepare(KerasArtifact.from_model(model, "m.keras"), config, context())
    [file, _] = prepared.rounding.files(prepared.feeds, Silent(), (False, True))
    stored = {c.type for o in operations(file.payload) for c in o.constants if len(c.shape) > 1}
    assert stored == {"INT2"}
    assert not float_operations(file.payload)[0]
    wanted = prepared.rounding.choice.model.predict(x, verbose=0)
    assert np.mean((file.predict(x) - wanted) ** 2) < 0.01 * np.var(wanted)


def test_ends_are_kept_at_8_bits_where_that_is_cheap():
    model = small()
    few = plan_widths(model, "int4", "weights", keep_ends=True)
    assert few.levels["first", 0] == "int8"  # 144 weights of 8,088
    assert few.why == {"first": "first layer"}
    assert few.levels["last", 0] == "int4"  # which has 1,080 of them


def test_a_layer_of_zeros_stays_one():
    model = small()
    model.get_layer("separable").pointwise_kernel.assign(np.zeros((1, 1, 8, 40)))
    copy, _ = rounded(model)
    assert not copy.get_layer("separable").pointwise_kernel.numpy().any()
    assert all(np.isfinite(weight.numpy()).all() for weight in copy.weights)


def test_too_few_samples_for_a_layer_are_told_with_what_was_damped():
    _, seen = rounded(small(), x=images(3))
    assert seen.damped == {"transposed": (27, 160), "last": (3, 360)}
    assert "damped by a share of their mean" in seen.notes()[0]
    assert "transposed (27 for 160, by 31%), last (3 for 360, by 601%)" in seen.notes()[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_activations_that_are_no_numbers_are_refused_with_the_layer(value):
    x = images()
    x[3, 2, 2] = value
    with pytest.raises(InputError, match="first is fed NaN or infinity"):
        rounded(small(), x=x)
    model = small()
    model.get_layer("depthwise").bias.assign(np.full(8, 3e38))
    with pytest.raises(InputError, match="separable is fed NaN"):
        rounded(model)


@pytest.mark.parametrize("levels", ["int4", "int2"])
def test_a_model_that_is_rounded_already_stays_exactly_as_it_is(levels):
    once, _ = rounded(small(), levels)
    before = [weight.numpy() for weight in once.weights]
    twice, seen = rounded(once, levels)
    assert all(np.array_equal(a, b) for a, b in zip(before, (w.numpy() for w in twice.weights), strict=True))
    assert "left as they are" in seen.notes()[0]


def test_what_is_rounded_answers_nearer_to_the_float_model_than_nearest_in_every_kind_of_layer():
    model = small()
    for weight in model.weights:
        weight.assign(weight + 0.2 * np.random.default_rng(1).normal(size=weight.shape))
    x, other = np.split(np.cumsum(np.cumsum(images(250), axis=1), axis=2) + 2, [200])  # neighbours are alike
    wanted = model.predict(other, verbose=0)
    errors = {}
    for compensate in (False, True):
        copy = rebuild(model, "model")
        round_model(model, copy, lambda *_: "int2", [x], nothing, compensate=compensate)
        errors[compensate] = np.mean((copy.predict(other, verbose=0) - wanted) ** 2)
    assert errors[True] < 0.8 * errors[False]


def test_zeros_of_a_pruned_kernel_stay_zero():
    model = small()
    kernel = model.get_layer("transposed").kernel
    kernel.assign(np.where(np.random.default_rng(0).random(kernel.shape) < 0.6, 0, kernel))
    copy, _ = rounded(model)
    assert not copy.get_layer("transposed").kernel.numpy()[kernel.numpy() == 0].any()


def test_a_graph_that_is_not_known_is_rounded_to_nearest_or_refused(digits):
    @keras.saving.register_keras_serializable("few_bits")
    class Own(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.flatten, self.dense = layers.Flatten(), layers.Dense(10, name="dense")

        def call(self, x):
            return self.dense(self.flatten(x))

    model = Own()
    model(digits.train.x[:1])
    artifact = KerasArtifact.from_model(model, "own.keras")
    with pytest.raises(UnsupportedError, match="graph of the model is not known"):
        prepare(artifact, QuantizeConfig(weights="int4", algorithm="sequential"), context(digits))


def test_rare_large_values_are_clipped_and_even_ones_are_not():
    rare = np.zeros(2048)
    rare[:200], rare[-1] = 1e6, 1
    low, high = least_error_range(Histogram(0.0, 20.48, rare))
    assert (low, 1.9 < high < 10) == (0.0, True)
    assert least_error_range(Histogram(-1.0, 1.0, np.ones(2048))) == (-1.0, 1.0)
    assert least_error_range(Histogram(3.0, 4.0, np.ones(2048)))[0] == 0.0
