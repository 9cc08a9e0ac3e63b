"""ONNX files: exported by Keras, run in onnxruntime, measured beside the others, and refused in one sentence."""

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import TensorProto, helper

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.errors import ConversionError, InputError
from tfopt.formats.loading import load
from tfopt.formats.onnx.artifact import OnnxArtifact
from tfopt.runtime import packages


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "digits.onnx"
    result = library.convert(SAMPLES / "digits-cnn.keras", to="onnx")
    result.artifact.save(path)
    return path, result


def test_it_answers_as_keras_does_and_remembers_its_data(made, digits):
    path, result = made
    artifact = load(path)
    ours = load(SAMPLES / "digits-cnn.keras").predict(digits.test.x)
    np.testing.assert_allclose(artifact.predict(digits.test.x), ours, atol=1e-5)
    assert artifact.provenance.data.source == "digits"
    assert artifact.gives_probabilities()
    assert artifact.input_shapes() == [(None, 8, 8, 1)]
    before, after = result.report.measurements
    assert after.format == "onnx"
    assert after.accuracy == before.accuracy
    assert after.latency.runtime == "onnxruntime, 1 thread"
    assert after.parameters > 16_000
    assert 0 < after.metadata_bytes < 2_000


def test_compare_and_predict_take_it_beside_the_others(made, tfopt):
    path, _ = made
    ended = tfopt("compare", SAMPLES / "digits-cnn.keras", path, "--max-drop", "1%", "--json")
    assert (ended.code, [one["format"] for one in ended.report["measurements"]]) == (0, ["keras", "onnx"])


def test_inspect_shows_its_operations_and_weights(made, tfopt):
    ended = tfopt("inspect", made[0])
    assert ended.code == 0, ended.err
    assert "Conv" in ended.out
    assert "made by tfopt train, then to-onnx" in ended.out


def test_options_of_other_formats_are_refused(sample, tfopt):
    ended = tfopt("convert", sample, "m.onnx", "--batch", "1")
    assert (ended.code, ended.out) == (2, "")
    assert "--batch is for a .tflite file: leave it out with m.onnx" in ended.err


def test_the_command_writes_it_by_the_suffix(sample, tfopt):
    ended = tfopt("convert", sample, "m.onnx", "--json")
    assert ended.code == 0, ended.err
    assert onnx.load(sample.parent / "m.onnx").graph.output
    assert any("exported to ONNX by Keras" in note for note in ended.report["notes"])


def test_two_inputs_of_any_order_are_fed_as_the_model_takes_them(tmp_path):
    first, second = keras.Input((3,), name="z"), keras.Input((5,), name="a")
    model = keras.Model([first, second], layers.Dense(2)(layers.Concatenate()([first, second])))
    library.convert(model, to="onnx", name="two.onnx").artifact.save(tmp_path / "two.onnx")
    artifact = load(tmp_path / "two.onnx")
    x = [np.random.default_rng(0).normal(size=(70, size)).astype("float32") for size in (3, 5)]
    np.testing.assert_allclose(artifact.predict(x), model.predict(x, verbose=0), atol=1e-5)


def external(tmp_path):
    weight = helper.make_tensor("w", TensorProto.FLOAT, (2,), [1.0, 2.0])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2))],
        [weight],
    )
    model = helper.make_model(graph)
    weight = model.graph.initializer[0]
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (lambda _: b"", "is no ONNX file"),
        (lambda _: b"\x00" * 100, "is no ONNX file"),
        (external, "has its weights in other files, which are not read"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(tmp_path, payload, words):
    (tmp_path / "m.onnx").write_bytes(payload(tmp_path))
    with pytest.raises(InputError, match=words):
        load(tmp_path / "m.onnx")


def test_it_is_the_end_of_the_line(made, tfopt):
    ended = tfopt("prune", made[0])
    assert ended.code == 2
    assert "digits.onnx is an ONNX file, the end of the line; give the .keras model it was made from" in ended.err


def test_packages_that_are_missing_are_named(monkeypatch, made):
    def missing(name):
        raise packages.PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", missing)
    with pytest.raises(InputError, match=r"package onnxruntime: pip install 'tfopt\[onnx\]'"):
        library.convert(SAMPLES / "digits-mlp.keras", to="onnx")
    with pytest.raises(InputError, match=r"pip install 'tfopt\[onnx\]'"):
        load(made[0])


@keras.saving.register_keras_serializable("tfopt_tests")
class Gamma(layers.Layer):
    def call(self, x):
        import tensorflow as tf

        return tf.math.igamma(x, x)


def test_a_model_that_cannot_be_exported_is_one_sentence():
    inputs = keras.Input((4,))
    with pytest.raises(ConversionError, match="cannot be converted to ONNX"):
        library.convert(keras.Model(inputs, Gamma()(inputs)), to="onnx")


def test_a_changed_answer_would_be_noticed(made):
    proto = onnx.load(made[0])
    for one in proto.graph.initializer:
        if one.raw_data and one.data_type == TensorProto.FLOAT:
            one.raw_data = b"\x00" * len(one.raw_data)
    artifact = OnnxArtifact("m.onnx", proto.SerializeToString())
    assert artifact.parameter_counts()[1] == 0


def test_constants_that_keras_leaves_open_are_named_with_the_way_out():
    norm = layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])
    model = keras.Sequential([keras.Input((2,)), norm, layers.Dense(2)])
    with pytest.raises(ConversionError, match=r"leaves the constant \S+ open, as an input: .* Rescaling does the same"):
        library.convert(model, to="onnx")
