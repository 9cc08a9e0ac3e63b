import os
import re

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import context
from tests.test_processes import Shown
from tfopt.conversion.convert import convert
from tfopt.conversion.converter_process import run_converter
from tfopt.errors import ConversionError, InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite import artifact as tflite_artifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations, parameter_counts, tflite_macs
from tfopt.formats.tflite.interpreter import make_interpreter
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.post_training import quantize_after_training


@pytest.fixture(scope="module")
def converted(digits):
    """The sample CNN in every precision."""
    from tests.conftest import SAMPLES, context

    artifact = load_keras(SAMPLES / "digits-cnn.keras")
    return {
        key: quantize_after_training(artifact, QuantizeConfig(precision=key[0], io=key[1]), context(digits))
        for key in (("int8", "float"), ("int8", "int8"), ("float16", "float"), ("dynamic", "float"))
    }


def test_int8_stores_every_kernel_per_channel_and_computes_in_integers(converted):
    kinds = {
        operation.kind: operation.output_type
        for operation in operations(converted["int8", "float"].artifact.payload)
        if operation.constants
    }
    assert kinds["CONV_2D"] == kinds["FULLY_CONNECTED"] == "INT8"
    convolutions = [
        constant
        for operation in operations(converted["int8", "float"].artifact.payload)
        if operation.kind == "CONV_2D"
        for constant in operation.constants
        if len(constant.shape) == 4
    ]
    assert [(c.type, c.scales) for c in convolutions] == [("INT8", c.shape[0]) for c in convolutions]


@pytest.mark.parametrize(
    ("precision", "io", "most"),
    [("int8", "float", 0.45), ("int8", "int8", 0.45), ("float16", "float", 0.6), ("dynamic", "float", 0.45)],
)
def test_every_precision_is_smaller_and_predicts_what_the_model_predicts(converted, digits, precision, io, most):
    result = converted[precision, io]
    assert len(result.artifact.payload) <= most * len(result.measured[1].payload)
    expected = result.measured[1].predict(digits.test.x)
    found = result.artifact.predict(digits.test.x)
    assert np.mean(expected.argmax(1) == found.argmax(1)) >= 0.99
    assert np.abs(expected - found).mean() < 0.01


def test_the_interface_is_float_unless_integers_are_asked_for(converted):
    from ai_edge_litert.interpreter import Interpreter

    types = {
        key: Interpreter(model_content=result.artifact.payload).get_input_details()[0]["dtype"]
        for key, result in converted.items()
    }
    assert types["int8", "int8"] is np.int8
    assert {dtype for key, dtype in types.items() if key[1] == "float"} == {np.float32}


def test_every_layer_with_weights_is_accounted_for(converted):
    for (precision, _), result in converted.items():
        actions = {change.layer: change.action for change in result.layers}
        assert {name for name, action in actions.items() if action == "quantized"} == {
            "conv1a", "conv1b", "conv2a", "conv2b", "classes"
        }, precision  # fmt: skip
        assert {name for name, action in actions.items() if action == "folded"} == {
            "conv1a_norm", "conv1b_norm", "conv2a_norm", "conv2b_norm"
        }  # fmt: skip


def test_zeros_stay_zero_in_the_quantized_file(digits, sample):
    from tfopt.techniques.pruning.config import PruneConfig
    from tfopt.techniques.pruning.prune import prune_weights

    pruned = prune_weights(load_keras(sample), PruneConfig(sparsity=0.8), context())
    result = quantize_after_training(
        KerasArtifact.from_model(pruned.artifact.model, "p.keras"), QuantizeConfig(), context(digits)
    )
    count, nonzero = parameter_counts(result.artifact.payload)
    assert nonzero / count < 0.25


def test_the_float_file_predicts_as_keras_does(converted, digits, sample):
    keras_outputs = load_keras(sample).predict(digits.test.x)
    np.testing.assert_allclose(
        converted["dynamic", "float"].measured[1].predict(digits.test.x), keras_outputs, atol=1e-5
    )


def test_parameters_and_macs_of_a_file_are_those_of_the_model(converted):
    payload = converted["dynamic", "float"].measured[1].payload
    folded_normalizations = 3 * (16 + 16 + 32 + 32)  # four numbers a channel become one bias
    assert parameter_counts(payload)[0] == 16_986 - folded_normalizations
    assert tflite_macs(payload) == 378_176


def test_int8_without_data_says_how_to_give_some(sample):
    with pytest.raises(InputError, match="`data`"):
        quantize_after_training(load_keras(sample), QuantizeConfig(), context())


def test_calibration_uses_the_calibration_split_and_no_other(digits, sample, monkeypatch):
    seen = {}

    def spy(artifact, progress, config, *, calibration=(), **_):
        seen["calibration"] = calibration
        raise ConversionError("enough")

    monkeypatch.setattr("tfopt.techniques.quantization.preparation.convert", spy)
    with pytest.raises(ConversionError):
        quantize_after_training(load_keras(sample), QuantizeConfig(), context(digits))
    [x] = seen["calibration"]
    np.testing.assert_array_equal(x, digits.calibration.x)


@pytest.mark.parametrize(
    ("target", "arguments", "words"),
    [
        ("crashes", (), r"the converter crashed on m\.keras \(SIGSEGV\); nothing was lost"),
        ("exits", (3, "bye"), r"m\.keras cannot be converted to LiteRT: exit code 3$"),
        ("sleeps", (60,), r"m\.keras was not converted within 1 s"),
        ("fails", (), r"m\.keras cannot be converted to LiteRT: ValueError: no such axis$"),
        ("refuses", ("it does not run",), r"m\.keras cannot be converted to LiteRT: InputError: it does not run$"),
        ("refuses", ("a\n<unknown>:0: error: bad loc(x)",), r"m\.keras cannot be converted to LiteRT: bad$"),
    ],
)
def test_a_converter_that_fails_dies_or_hangs_becomes_one_sentence(target, arguments, words):
    limit = 1 if target == "sleeps" else 60
    with pytest.raises(ConversionError, match=f"^{words}"):
        run_converter(f"tests.children:{target}", *arguments, title="m.keras", progress=Silent(), time_limit=limit)


def test_the_stages_of_conversion_are_shown(sample):
    shown = Shown()
    quantize_files(convert(load_keras(sample), shown).artifact, QuantizeConfig(precision="dynamic"), {}, shown)
    assert [seen for seen in shown.seen if seen != "end"] == [
        ("converting", None),
        (1, "loading TensorFlow"),
        (1, "converting to LiteRT (direct)"),
        (1, "running the file"),
        ("converting", None),
        (1, "loading LiteRT Quantizer"),
        (1, "quantizing to dynamic"),
    ]


def test_a_layer_the_quantizer_leaves_alone_is_reported_as_skipped(digits):
    inputs = keras.Input((8, 8, 1))
    x = layers.PReLU(name="slopes")(layers.Conv2D(4, 3, name="conv")(inputs))
    x = layers.GlobalAveragePooling2D()(layers.LayerNormalization(name="norm")(x))
    model = keras.Model(inputs, layers.Dense(10, name="out")(x))
    result = quantize_after_training(
        KerasArtifact.from_model(model, "m.keras"), QuantizeConfig(precision="dynamic"), context(digits)
    )
    actions = {change.layer: change.action for change in result.layers}
    assert actions["conv"] == actions["out"] == "quantized"
    assert actions["slopes"] == actions["norm"] == "skipped"


def test_an_artifact_that_litert_cannot_run_is_refused():
    with pytest.raises(InputError, match="cannot be run by LiteRT"):
        TfliteArtifact("m.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 100)


def test_layers_with_the_default_names_of_keras_are_all_found(digits):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3)(inputs)
    x = layers.Conv2D(4, 3, activation="relu")(layers.BatchNormalization()(x))
    x = layers.Dense(12, activation="relu")(layers.Dense(9)(layers.Flatten()(x)))
    body = keras.Sequential([keras.Input((12,)), layers.Dense(7), layers.Dense(10)])
    result = quantize_after_training(
        KerasArtifact.from_model(keras.Model(inputs, body(x)), "m.keras"), QuantizeConfig(), context(digits)
    )
    actions = [change.action for change in result.layers]
    assert (actions.count("quantized"), actions.count("folded"), actions.count("skipped")) == (6, 1, 0)


def test_numbers_that_are_not_zero_are_no_more_than_there_are(digits, sample):
    result = quantize_after_training(load_keras(sample), QuantizeConfig(precision="int16"), context(digits))
    count, nonzero = parameter_counts(result.artifact.payload)
    assert nonzero <= count


def test_evaluation_runs_whole_batches_on_all_cores(converted, digits, monkeypatch):
    file, x = converted["int8", "float"].artifact, digits.train.x[:200]
    threads, batches = [], []

    class Counting(tflite_artifact.BoundInterpreter):
        def run(self, feeds):
            batches.append(len(next(iter(feeds.values()))))
            return super().run(feeds)

    def make(payload, name, count):
        threads.append(count)
        return make_interpreter(payload, name, count)

    monkeypatch.setattr(tflite_artifact, "BoundInterpreter", Counting)
    monkeypatch.setattr(tflite_artifact, "make_interpreter", make)
    file.predict(x)
    assert batches == [64, 64, 64, 8]
    assert threads == [os.cpu_count()]


def test_a_file_says_how_many_operations_compute_in_integers_and_full_integer_insists(tfopt, sample, tmp_path):
    ended = tfopt("quantize", sample, "--int8", "--full-integer", "--json")
    assert ended.code == 0, ended.err
    assert any(re.fullmatch(r"all \d+ operations compute in integers", note) for note in ended.report["notes"])
    assert [gate["gate"] for gate in ended.report["gates"]] == ["max-drop", "full-integer"]
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, name="a")(inputs)
    x = keras.ops.sin(x)
    outputs = keras.layers.Dense(10, name="b")(keras.layers.Flatten()(x))
    keras.Model(inputs, outputs).save(tmp_path / "sine.keras")
    ended = tfopt(
        "quantize", "sine.keras", "--int8", "--data", "digits", "--full-integer", "--json", "--max-drop", "99%"
    )
    assert ended.code == 1, ended.err
    assert any(" operations compute in floats: " in note for note in ended.report["notes"])
    ended = tfopt("quantize", sample, "--dynamic", "--full-integer")
    assert (ended.code, "--full-integer needs --int8 or --int16" in ended.err) == (2, True)
