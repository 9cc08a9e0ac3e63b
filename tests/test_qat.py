"""Quantization-aware training in Keras 3; that by TensorFlow Model Optimization has tests of its own."""

import keras
import numpy as np
import pytest
from keras import layers

from tests import zoo
from tests.conftest import SAMPLES, context
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import operations
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.runtime.progress import Silent
from tfopt.techniques.qat.bit_widths import choose_bit_widths
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.file_tensors import steps_of_multiples
from tfopt.techniques.qat.qat import quantize_aware
from tfopt.techniques.quantization.layer_changes import owners
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan

ONE_SAMPLE = 1.01 / 359  # of the test split of digits, and what floats miss
MIXTURE = {"conv1b": 3, "conv2b": 2}


def accuracy(predict, data):
    return (predict(data.test.x).argmax(axis=1) == data.test.y).mean()


def integers_in(constant):
    """The integers (C, K) of a constant of a convolution or dense layer."""
    return constant.values.astype(int).reshape(constant.shape[0], -1)


@pytest.fixture(scope="module")
def cnn():
    return load_keras(SAMPLES / "digits-cnn.keras")


@pytest.fixture(scope="module")
def mixed(cnn, digits):
    return quantize_aware(cnn, QatConfig(weights="int4", layer_bits=MIXTURE, epochs=3), context(digits))


def test_the_file_the_keras_model_beside_it_and_the_original_are_equally_right(cnn, mixed, digits):
    in_litert, in_keras = (accuracy(one.predict, digits) for one in (mixed.artifact, mixed.companions[0]))
    assert in_litert >= accuracy(cnn.predict, digits) - 0.01
    assert abs(in_litert - in_keras) <= ONE_SAMPLE


def test_the_answers_of_the_file_differ_from_those_of_the_keras_model_by_no_more_than_8_bit_activations_do(
    mixed, digits
):
    ours, theirs = (one.predict(digits.test.x) for one in (mixed.artifact, mixed.companions[0]))
    assert np.sqrt(np.mean((ours - theirs) ** 2)) <= 0.01
    assert np.abs(ours - theirs).mean() <= 1 / 256  # the step of probabilities of 8 bits


def test_the_integers_in_the_file_are_those_that_the_keras_kernels_are_multiples_of(mixed):
    model = mixed.companions[0].model
    constants = {
        name: next(c for o in found for c in o.constants if len(c.shape) > 1 and c.type.startswith("INT"))
        for name, found in owners(fold_batch_norms(model, "m")[0], mixed.artifact.payload).items()
        if hasattr(model.get_layer(name), "kernel")
    }
    types = {"conv1a": "INT8", "conv1b": "INT4", "conv2a": "INT4", "conv2b": "INT2", "classes": "INT8"}
    assert {name: constant.type for name, constant in constants.items()} == types
    for name, constant in constants.items():
        kernel, integers = model.get_layer(name).kernel.numpy(), integers_in(constant)
        steps = steps_of_multiples(kernel.reshape(-1, kernel.shape[-1]).T, integers)
        assert steps is not None, name
        assert np.abs(integers).max() == {"conv1b": 3, "conv2b": 1, "conv2a": 7}.get(name, 127)


def test_all_operations_compute_in_integers_and_no_layer_is_left_in_float(mixed):
    kinds = [operation.kind for operation in operations(mixed.artifact.payload)]
    assert kinds[-1] == "DEQUANTIZE"
    computing = [o for o in operations(mixed.artifact.payload) if o.kind not in ("QUANTIZE", "DEQUANTIZE")]
    assert {operation.output_type for operation in computing} == {"INT8"}
    assert {change.action for change in mixed.layers} == {"quantized", "folded"}


def test_the_report_says_for_how_many_bits_each_layer_was_trained_and_why(mixed):
    told = {change.layer: change.detail for change in mixed.layers}
    assert told["conv1a"].startswith("trained for 8 bits (first layer); weights int8")
    assert told["conv2a"].startswith("trained for 4 bits; weights int4 per-channel, activations int8")
    assert told["conv2b"].startswith("trained for 2 bits; weights int2 per-channel, activations int8")
    assert "with digits-cnn.keras as teacher" in " ".join(mixed.notes)


def test_the_keras_model_has_the_architecture_and_the_compile_state_of_the_original(cnn, mixed):
    made, original = mixed.companions[0].model, cnn.fresh_model()
    assert made.get_config() == original.get_config()
    assert made.get_compile_config()["loss"] == original.get_compile_config()["loss"]


def test_few_bits_are_for_layers_with_many_weights_and_names_that_are_not_there_are_told():
    inputs = keras.Input((32, 32, 3))
    x = layers.DepthwiseConv2D(3, name="depthwise")(layers.Conv2D(8, 3, name="first")(inputs))
    x = layers.Conv2D(64, 3, name="large")(x)
    x = layers.Conv2D(64, 3, name="larger")(x)
    x = layers.LayerNormalization(name="norm")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(10, name="last")(x))
    chosen = choose_bit_widths(model, QatConfig(weights="int2", layer_bits={"large": 3}), "m")
    assert chosen.bits == {"first": 8, "depthwise": 8, "large": 3, "larger": 2, "last": 8}
    assert chosen.why["depthwise"].startswith("depthwise: few weights")
    assert chosen.skipped == {"norm": "no kernel among its weights (gamma, beta)"}
    assert choose_bit_widths(model, QatConfig(weights="int2", keep_first_last=False), "m").bits["last"] == 2
    with pytest.raises(
        InputError, match="`layer_bits` names norm, but m has no such layer with a kernel: there are first"
    ):
        choose_bit_widths(model, QatConfig(layer_bits={"norm": 4}), "m")
    wide = keras.Sequential([keras.Input((900,)), layers.Dense(50, name="first"), layers.Dense(10, name="last")])
    assert choose_bit_widths(wide, QatConfig(weights="int4"), "m").bits == {"first": 4, "last": 8}
    with pytest.raises(UnsupportedError, match="no kernel to train"):
        choose_bit_widths(keras.Sequential([keras.Input((3,)), layers.ReLU()]), QatConfig(), "m")


@pytest.mark.parametrize("build", zoo.CLASSIFIERS, ids=lambda build: build.__name__)
@pytest.mark.slow
def test_every_architecture_is_trained_and_no_kernel_is_left_in_float(build, digits):
    keras.utils.set_random_seed(0)
    model = build()
    fit(model, digits, FitPlan(epochs=24, batch_size=64, learning_rate=5e-3, seed=0), Silent())
    made = quantize_aware(load_keras(model), QatConfig(epochs=2, weights="int4"), context(digits))
    told = {change.layer: change for change in made.layers}
    assert all(change.action != "skipped" or "no kernel" in change.detail for change in told.values())
    assert not any("rounded anew" in change.detail for change in told.values())
    in_keras = accuracy(made.companions[0].predict, digits)
    assert in_keras > 0.5
    assert abs(accuracy(made.artifact.predict, digits) - in_keras) <= 0.02
    assert len(made.artifact.payload) < len(made.measured[2].payload)


@pytest.mark.slow
def test_a_large_network_of_keras_applications_is_trained(digits):
    inputs = zoo.images()
    x = layers.Resizing(32, 32)(inputs)
    body = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=10)
    model = keras.Model(inputs, body(layers.Concatenate()([x, x, x])))
    made = quantize_aware(load_keras(model), QatConfig(epochs=1, max_drop=0.99), context(digits))
    quantized = [change for change in made.layers if change.action == "quantized"]
    assert len(quantized) > 80
    assert not [change.layer for change in quantized if "rounded anew" in change.detail]
    assert len(made.artifact.payload) < 0.4 * len(made.measured[2].payload)


@pytest.mark.slow
def test_zeros_and_shared_weights_survive_training_and_are_in_the_file(cnn, digits):
    model = cnn.fresh_model()
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            step = np.abs(kernel).max() / 8
            layer.kernel.assign(np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, np.round(kernel / step) * step))
    before = load_keras(model)
    made = quantize_aware(before, QatConfig(epochs=1), context(digits))
    for was, now in zip(before.model.get_weights(), made.companions[0].model.get_weights(), strict=True):
        if was.ndim > 1:
            np.testing.assert_array_equal(now[was == 0], 0)
            assert len(np.unique(now)) <= len(np.unique(was))
            assert not np.array_equal(now, was)
    kernels = [c for o in operations(made.artifact.payload) for c in o.constants if len(c.shape) > 1]
    assert all(c.nonzero <= 0.52 * np.prod(c.shape) for c in kernels if np.prod(c.shape) > 10)
    told = {change.layer: change for change in made.layers if change.action == "quantized"}
    assert all(change.sparsity > 0.45 for change in told.values())
    assert all("distinct values" in told[layer].detail for layer in ("conv1b", "conv2a", "conv2b", "classes"))
    lost = quantize_aware(before, QatConfig(epochs=1, keep_sparsity=False, keep_clusters=False), context(digits))
    assert _zeros(lost.companions[0].model) < 0.8 * _zeros(made.companions[0].model)


def _zeros(model):
    return sum(int((weight == 0).sum()) for weight in model.get_weights() if weight.ndim > 1)


@pytest.mark.slow
def test_the_file_is_held_to_a_limit_and_to_the_model_that_was_trained(tfopt, monkeypatch):
    sample = SAMPLES / "digits-mlp.keras"
    ended = tfopt(
        "quantize",
        sample,
        "--qat",
        "--epochs",
        1,
        "--learning-rate",
        1e-6,
        "--max-drop",
        "90%",
        "-o",
        "a.tflite",
        "--json",
    )
    assert ended.code == 0, ended.err
    [gate] = ended.report["gates"]
    assert (gate["gate"], gate["limit"], gate["name"]) == ("max-drop", 0.9, "a.tflite")
    wrong = lambda self, x, advance=lambda _: None: np.zeros((len(x[0]), 10), np.float32)  # noqa: E731
    monkeypatch.setattr("tfopt.formats.tflite.artifact.TfliteArtifact.predict", wrong)
    ended = tfopt("quantize", sample, "--qat", "--epochs", 1, "--learning-rate", 1e-6, "--json", "-o", "b.tflite")
    assert ended.code == 1
    assert ended.report["gates"][0]["found"] > 0.5
    assert any(note.startswith("the file is worse than the model that was trained") for note in ended.report["notes"])


@pytest.mark.slow
def test_prune_cluster_and_train_for_int8_keep_zeros_and_clusters_to_the_end(sample, tmp_path, tfopt):
    assert tfopt("prune", sample, "--sparsity", 0.5, "--epochs", 5, "-o", "p.keras").code == 0
    assert tfopt("cluster", "p.keras", "--clusters", 16, "--epochs", 2, "-o", "pc.keras").code == 0
    ended = tfopt("quantize", "pc.keras", "--qat", "--epochs", 2, "-o", "pcq.tflite", "--json")
    assert ended.code == 0, ended.err
    assert {"kept the zeros of 5 kernels", "kept the shared weights of 5 kernels"} <= set(ended.report["notes"])
    for change in ended.report["layers"]:
        if change["action"] == "quantized":
            assert change["sparsity"] >= 0.49
            assert change["distinct"] <= 16
    for weight in load_keras(tmp_path / "pcq.keras").model.weights:
        if weight.name == "kernel":
            assert (weight.numpy() == 0).mean() >= 0.49
            assert len(np.unique(weight.numpy())) <= 16
    before, after = (ended.report["measurements"][i]["accuracy"]["value"] for i in (0, -1))
    assert after >= before - 0.01


def test_without_data_there_is_no_training(cnn):
    with pytest.raises(InputError, match="`qat` trains"):
        quantize_aware(cnn, QatConfig(), context())
