"""Weights of LSTM kernels and embeddings, which LiteRT Quantizer leaves in floats, are stored with fewer bytes."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import context
from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.formats.tflite.packing import packed
from tfopt.formats.tflite.remaining_weights import shrink_remaining
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import quantize_after_training

STEPS, COLUMNS, WORDS = 20, 8, 2500


def recurrent(layer):
    inputs = keras.Input((STEPS, COLUMNS))
    return keras.Model(inputs, layers.Dense(4)(layer(inputs)))


def embedded(units=32):
    inputs = keras.Input((STEPS,), dtype="int32")
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling1D()(layers.Embedding(WORDS, units)(inputs))))


MODELS = {
    "LSTM": lambda: recurrent(layers.LSTM(48)),
    "bidirectional": lambda: recurrent(layers.Bidirectional(layers.LSTM(24))),
    "embedding": embedded,
}
SHARES = {"hybrid": 0.37, "unpacked": 0.45, "float16": 0.6}  # of the bytes of the float file, at most
ERRORS = {"hybrid": 0.03, "unpacked": 0.03, "float16": 0.001}


@pytest.fixture(scope="module", params=MODELS)
def file(request):
    keras.utils.set_random_seed(0)
    return convert(KerasArtifact.from_model(MODELS[request.param](), "m.keras"), Silent()).artifact


def samples(file, seed=0):
    rng = np.random.default_rng(seed)
    [name], [kind] = file.input_names, file.input_types()
    words = rng.integers(0, WORDS, (1, STEPS)).astype(kind)
    return {name: words if kind == "int32" else rng.normal(size=(1, STEPS, COLUMNS)).astype(kind)}


@pytest.mark.parametrize("kind", SHARES)
def test_the_file_is_much_smaller_and_answers_nearly_the_same(file, kind):
    small = TfliteArtifact("small.tflite", packed(shrink_remaining(file.payload, kind)))
    assert len(small.payload) < SHARES[kind] * len(packed(file.payload))
    [wanted], [found] = (one.outputs(samples(file)).values() for one in (file, small))
    assert 0 < np.abs(found - wanted).max() < ERRORS[kind] * np.abs(wanted).max()


def test_spared_operations_and_weights_that_something_else_takes_stay(file):
    names = [operation.outputs[0] for operation in operations(file.payload)]
    assert shrink_remaining(file.payload, "hybrid", names) is file.payload
    inputs = keras.Input((STEPS,), dtype="int32")
    embedding = layers.Embedding(WORDS, 16)
    tied = keras.Model(inputs, keras.ops.matmul(embedding(inputs), keras.ops.transpose(embedding.embeddings)))
    both = convert(KerasArtifact.from_model(tied, "tied.keras"), Silent()).artifact
    found = TfliteArtifact("small.tflite", shrink_remaining(both.payload, "float16"))
    np.testing.assert_allclose(found.predict(np.ones((1, STEPS))), both.predict(np.ones((1, STEPS))), atol=1e-3)


def test_numbers_that_half_floats_do_not_have_stay_as_they_are():
    model = embedded()
    model.layers[1].embeddings.assign(np.full((WORDS, 32), 1e6, np.float32))
    file = convert(KerasArtifact.from_model(model, "m.keras"), Silent()).artifact
    assert shrink_remaining(file.payload, "float16") is file.payload


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        ("LSTM", {"precision": "dynamic"}, "weights int8 per-tensor, activations quantized as they come"),
        ("LSTM", {"precision": "float16"}, "weights float16, activations float32"),
        ("embedding", {"precision": "weights", "weights": "int8"}, "weights int8 per-tensor"),
    ],
)
def test_the_report_says_how_each_layer_is_stored(model, options, told):
    artifact = KerasArtifact.from_model(MODELS[model](), "m.keras")
    result = quantize_after_training(artifact, QuantizeConfig(**options), context())
    assert result.layers[0].detail.startswith(told)


def test_an_answer_that_is_too_far_off_keeps_the_floats(monkeypatch):
    from tfopt.techniques.quantization import quantizer_process

    payload = convert(KerasArtifact.from_model(embedded(), "m.keras"), Silent()).artifact.payload
    assert quantizer_process._without_remaining_floats(payload, "hybrid", (), []) is not payload
    monkeypatch.setattr(quantizer_process, "TOLERANCE", 0.0)
    assert quantizer_process._without_remaining_floats(payload, "hybrid", (), []) is payload


@pytest.mark.slow
@pytest.mark.parametrize("model", [*MODELS, "GRU"])
@pytest.mark.parametrize("precision", ["dynamic", "float16"])
def test_no_file_is_larger_than_that_of_the_stock_converter_and_all_are_within_two_hundredths(
    model, precision, tmp_path
):
    import tensorflow as tf

    from tfopt.conversion import saved_model

    keras.utils.set_random_seed(0)
    made = recurrent(layers.GRU(48)) if model == "GRU" else MODELS[model]()
    traced = (saved_model.from_keras3 if model == "embedding" else saved_model.from_tf_keras_copy)(made, 1, None)
    saved_model.save(traced, tmp_path / "saved")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    stock = converter.convert()
    artifact = KerasArtifact.from_model(made, "m.keras")
    file = quantize_after_training(artifact, QuantizeConfig(precision=precision), context()).artifact
    assert len(packed(file.payload)) <= len(stock)
    feeds = [samples(file, seed) for seed in range(40)]
    wanted = np.concatenate([made.predict(list(feed.values()), verbose=0) for feed in feeds])
    found = np.concatenate([value for feed in feeds for value in file.outputs(feed).values()])
    assert np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)) < 0.02


def test_the_report_says_that_weights_in_a_loop_are_integers_though_its_states_are_floats():
    artifact = KerasArtifact.from_model(recurrent(layers.GRU(16, name="gru")), "m.keras")
    made = quantize_after_training(artifact, QuantizeConfig(precision="dynamic"), context())
    told = {change.layer: change for change in made.layers}
    assert (told["gru"].action, told["gru"].detail[:12]) == ("quantized", "weights int8")
