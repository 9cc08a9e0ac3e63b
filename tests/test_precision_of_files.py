"""Conversion says which way it took, in which precision, and refuses at once what no way can do."""

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tests.test_lowering import converted, gru
from tfopt.conversion import convert as converting
from tfopt.conversion.convert import convert
from tfopt.errors import ConversionError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.keras.custom_objects import modules_of
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files


def test_a_way_that_failed_is_named_with_the_reason(monkeypatch):
    real = converting.run_converter

    def failing(target, folder, job, *arrays, **more):
        if job.lowering != "unrolled":
            raise ConversionError(f"{job.lowering} has no such kernel")
        real(target, folder, job, *arrays, **more)

    monkeypatch.setattr(converting, "run_converter", failing)
    made, _ = converted(gru())
    failed = [note for note in made.notes if "failed" in note]
    assert ["fused has no such kernel" in failed[0], "loop has no such kernel" in failed[1]] == [True, True]


def test_a_net_without_recurrence_is_never_said_to_have_a_loop_over_time(monkeypatch):
    real = converting.run_converter

    def failing(target, folder, job, *arrays, **more):
        if job.batch is None:
            raise ConversionError("the size of the batch is not known")
        real(target, folder, job, *arrays, **more)

    monkeypatch.setattr(converting, "run_converter", failing)
    made, _ = converted(keras.Sequential([keras.Input((4,)), layers.Dense(3)]))
    assert not any("loop" in note for note in made.notes)
    assert any("with a free batch failed: the size of the batch is not known" in note for note in made.notes)
    assert any("1 sample at a time" in note for note in made.notes)


def test_why_the_converter_did_not_quantize_is_said(digits, monkeypatch):
    from tests.conftest import SAMPLES, context
    from tfopt.formats.loading import load_keras
    from tfopt.techniques.quantization import post_training, preparation
    from tfopt.techniques.quantization.config import QuantizeConfig

    def without(*arguments, **options):
        return replace(convert(*arguments, **options), converter=None, failure="no such kernel")

    monkeypatch.setattr(preparation, "convert", without)
    artifact = load_keras(SAMPLES / "digits-cnn.keras")
    found = post_training.quantize_after_training(artifact, QuantizeConfig(), context(digits))
    assert any("the converter did not quantize it: no such kernel" in note for note in found.notes)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_converted_in_float32(policy):
    inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization(dtype=policy)(layers.Conv2D(4, 3, dtype=policy)(inputs))
    x = layers.Dense(3, activation="softmax", dtype="float32")(layers.Flatten(dtype=policy)(x))
    made, arrays = converted(keras.Model(inputs, x))
    assert made.error < 1e-4
    assert any(f"in float32, not in {policy}" in note for note in made.notes)
    half = made.artifact.outputs(dict(zip(made.inputs, arrays, strict=True)))
    assert all(value.dtype == np.float32 for value in half.values())


def test_a_model_that_takes_text_is_refused_before_the_work_begins(monkeypatch):
    monkeypatch.setattr(converting, "run_converter", None)
    vectorizer = layers.TextVectorization(20, output_sequence_length=4, vocabulary=["red", "blue"], name="words")
    model = keras.Sequential([keras.Input((1,), dtype="string"), vectorizer, layers.Embedding(20, 3), layers.Flatten()])
    with pytest.raises(UnsupportedError, match=r"takes text itself \(words\).*token ids"):
        convert(KerasArtifact.from_model(model, "text.keras"), Silent())


@pytest.mark.parametrize("error", ["Unknown layer: 'Old'. Please ensure", "Could not locate class 'Old'"])
def test_a_layer_that_is_not_known_names_the_option_that_gives_its_code(error):
    from tfopt.formats.keras.refusal import explain
    from tfopt.formats.legacy.loading import _explain

    assert "Old" in _explain(ValueError(error), Path("old.h5"))
    assert "`custom_objects`" in _explain(ValueError(error), Path("old.h5"))
    assert "`custom_objects`" in explain(ValueError("... Could not locate class 'Old'"), "new.keras")


SCRIPT = """
import keras
import tfopt
from keras import layers
{source}
model = keras.Sequential([keras.Input((4,)), Twice(), layers.Dense(2)])
result = tfopt.convert(model)
print(len(result.artifact.payload))
"""
LAYER = """
@keras.saving.register_keras_serializable("mine")
class Twice(layers.Layer):
    def call(self, x):
        return 2 * x
"""


def _ran(folder, source):
    (folder / "script.py").write_text(SCRIPT.format(source=source))
    return subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False)


def test_a_layer_of_an_imported_module_is_known_to_the_converter(tmp_path):
    (tmp_path / "parts.py").write_text(f"import keras\nfrom keras import layers\n{LAYER}")
    ended = _ran(tmp_path, "from parts import Twice")
    assert ended.returncode == 0, ended.stderr[-500:]
    assert int(ended.stdout) > 500


def test_a_layer_of_the_script_itself_is_refused_by_name_with_what_to_do(tmp_path):
    ended = _ran(tmp_path, LAYER)
    last = ended.stderr.strip().splitlines()[-1]
    assert "UnsupportedError" in last
    assert "mine>Twice" in last
    assert "module of its own" in last


def test_a_module_is_found_again_by_the_name_it_was_imported_by_also_through_a_link(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "5678").write_text(f"import keras\nfrom keras import layers\n{LAYER}")
    (tmp_path / "linked_parts.py").symlink_to(tmp_path / "store" / "5678")
    monkeypatch.syspath_prepend(tmp_path)
    twice = importlib.import_module("linked_parts").Twice()
    model = keras.Sequential([keras.Input((4,)), twice])
    assert modules_of(model, "m.keras") == (("linked_parts", str(tmp_path)),)


def net(width, depth):
    x = inputs = keras.Input((8,))
    for _ in range(depth):
        x = layers.Dense(width, activation="relu")(x)
    return KerasArtifact.from_model(keras.Model(inputs, layers.Dense(3)(x)), "net.keras")


@pytest.mark.parametrize(
    ("artifact", "told"),
    [
        (lambda: net(2, 1), "no other width has less"),
        (lambda: net(4, 9), "`precision` dynamic takes "),
        (lambda: net(64, 2), None),
    ],
)
def test_a_file_that_is_no_smaller_says_so_first_and_names_what_is(artifact, told, tmp_path):
    from tests.conftest import context
    from tfopt.techniques.quantization.config import QuantizeConfig
    from tfopt.techniques.quantization.post_training import quantize_after_training

    np.save(tmp_path / "c.npy", np.random.default_rng(0).normal(size=(50, 8)).astype("float32"))
    config = QuantizeConfig(calibration=tmp_path / "c.npy")
    first = quantize_after_training(artifact(), config, context()).notes[0]
    assert ("is no smaller than the float file" in first) == bool(told)
    assert (told or "") in first


@pytest.mark.parametrize("options", [{}, {"precision": "int16"}, {"weights": "int4", "algorithm": "minmax"}])
def test_a_product_with_a_constant_matrix_for_each_series_is_close_in_integers(options):
    x = np.random.default_rng(0).normal(size=(32, 12, 3)).astype("float32")
    model = keras.Sequential([keras.Input((12, 3)), layers.EinsumDense("btv,tvh->bhv", (6, 3), bias_axes="hv")])
    made = convert(KerasArtifact.from_model(model, "linear.keras"), Silent())
    [file] = quantize_files(made.artifact, QuantizeConfig(**options), {made.inputs[0]: x}, Silent())
    wanted = model.predict(x, verbose=0)
    assert np.abs(file.predict(x) - wanted).max() < 0.03 * np.abs(wanted).max()
