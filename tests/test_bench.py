"""Benchmarks run every file with every number of threads, in turns, and say what XNNPACK did not take over."""

import subprocess
import sys

import keras
import pytest
from keras import layers

from tests.conftest import SAMPLES, process
from tfopt.conversion.convert import convert
from tfopt.evaluation.delegation import not_delegated
from tfopt.evaluation.memory import added_bytes
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    made = convert(load_keras(SAMPLES / "digits-cnn.keras"), Silent())
    [small] = quantize_files(made.artifact, QuantizeConfig(precision="dynamic"), {}, Silent())
    (folder / "float.tflite").write_bytes(made.artifact.payload)
    (folder / "dynamic.tflite").write_bytes(small.payload)
    return folder


def test_every_file_is_run_with_every_number_of_threads(files):
    ended = process("bench", "float.tflite", "dynamic.tflite", "--threads", "1,2", "--json", folder=files)
    assert ended.code == 0, ended.err
    found = ended.report["benchmarks"]
    assert [(one["name"], one["threads"]) for one in found] == [
        ("float.tflite", 1), ("dynamic.tflite", 1), ("float.tflite", 2), ("dynamic.tflite", 2)
    ]  # fmt: skip
    for one in found:
        assert 0 < one["min_ms"] <= one["median_ms"] <= one["p95_ms"]
        assert one["per_second"] == pytest.approx(1000 / one["median_ms"])
    assert [one["change"] is None for one in found] == [True, False, False, False]


def test_the_table_has_a_row_for_each_and_tensorflow_is_not_loaded(files):
    ended = process("bench", "float.tflite", folder=files)
    assert ended.code == 0, ended.err
    assert "float.tflite" in ended.out
    assert "in turns in random order" in ended.out
    code = "import sys, tfopt.evaluation.bench; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["float.tflite", "--threads", "0"], "numbers from 1"),
        (["float.tflite", "--threads", "two"], "numbers from 1"),
        (["none.tflite"], "does not exist"),
        (["model.keras"], "not a .tflite file"),
    ],
)
def test_bad_input_is_one_sentence(files, tfopt, monkeypatch, arguments, words):
    monkeypatch.chdir(files)
    (files / "model.keras").write_bytes((SAMPLES / "digits-cnn.keras").read_bytes())
    ended = tfopt("bench", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_what_xnnpack_leaves_is_listed(files):
    assert not_delegated((files / "float.tflite").read_bytes()) == {}
    model = keras.Sequential([keras.Input((5, 4)), layers.Dense(3), Cumulated()])
    payload = convert_plain(model)
    assert "CUMSUM" in not_delegated(payload)
    assert "FULLY_CONNECTED" not in not_delegated(payload)


@keras.saving.register_keras_serializable("tfopt_tests")
class Cumulated(layers.Layer):
    def call(self, inputs):
        return keras.ops.cumsum(inputs, axis=1)


def convert_plain(model):
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(KerasArtifact.from_model(model, "m.keras").model).convert()


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_large_file_takes_more_memory_than_a_small_one(files, tmp_path):
    model = keras.Sequential([keras.Input((1000,)), layers.Dense(5000)])
    (tmp_path / "large.tflite").write_bytes(convert_plain(model))
    assert added_bytes(tmp_path / "large.tflite", 1) > added_bytes(files / "float.tflite", 1) + 5e6
