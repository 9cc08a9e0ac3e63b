import gc
import logging
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from tfopt.core.destination import Destination
from tfopt.data.config import DataConfig
from tfopt.errors import InputError, OutputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.keras.prediction import predict_batches
from tfopt.formats.loading import load, load_keras
from tfopt.formats.provenance import Provenance, Step
from tfopt.formats.tflite.integers import dequantize_values, quantize_values
from tfopt.runtime.atomic_files import write_file


def _trained_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    model.fit(np.zeros((8, 4)), np.zeros(8), verbose=0)
    return model


def test_the_provenance_survives_and_keras_ignores_it(tmp_path):
    provenance = Provenance(data=DataConfig(validation=0.2), history=(Step(command="train", config={}, tfopt="0"),))
    artifact = KerasArtifact.from_model(_trained_model(), "m.keras", provenance)
    path = artifact.save(tmp_path / "m.keras")
    assert load(path).provenance == provenance
    keras.saving.load_model(path)
    assert "tfopt.json" in zipfile.ZipFile(path).namelist()


def test_optimizer_state_is_neither_saved_nor_counted_but_the_compile_state_is_kept(tmp_path):
    model = _trained_model()
    model.save(tmp_path / "theirs.keras")
    artifact = load(tmp_path / "theirs.keras")
    assert artifact.optimizer_bytes == 2 * 4 * model.count_params()
    assert len(artifact.payload) < (tmp_path / "theirs.keras").stat().st_size - artifact.optimizer_bytes / 2
    saved = keras.saving.load_model(artifact.save(tmp_path / "ours.keras"))
    assert saved.optimizer.get_config()["learning_rate"] == pytest.approx(0.01)
    assert saved.loss.get_config()["from_logits"] is True
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(saved.predict(x, verbose=0), model.predict(x, verbose=0))


def test_what_was_loaded_stays_as_it_was_and_its_copy_goes_with_it(sample):
    before = sample.read_bytes()
    artifact = load(sample)
    sample.unlink()
    assert artifact.payload == before
    assert artifact.fresh_model().count_params() == artifact.model.count_params()
    kept = artifact._file.path
    del artifact
    gc.collect()
    assert not kept.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no such processes on Windows")
def test_a_forked_process_leaves_the_temporary_files_of_its_parent_alone():
    code = """
import os
from tfopt.runtime.temporary_files import TemporaryFile
ours = TemporaryFile()
ours.path.write_bytes(b"ours")
if os.fork() == 0:
    assert TemporaryFile().path.parent != ours.path.parent
    raise SystemExit
os.wait()
print(ours.path.read_text(), ours.path)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, path = ended.stdout.split()
    assert text == "ours"
    assert not Path(path).parent.exists()


def test_saving_keeps_an_existing_file_unless_forced(tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="`force`"):
        write_file(path, b"new", force=False)
    assert path.read_bytes() == b"precious"
    write_file(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_earlier_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    path.write_bytes(b"precious")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match="No space left"):
        write_file(path, b"new", force=True)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_writers_without_force_one_wins_whole(tmp_path):
    path = tmp_path / "m.keras"
    outcomes = []

    def writer(number):
        try:
            write_file(path, bytes([number]) * 1_000_000, force=False)
            outcomes.append(number)
        except OutputError:
            outcomes.append(None)

    threads = [threading.Thread(target=writer, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [n for n in outcomes if n]
    assert path.read_bytes() == bytes([winner]) * 1_000_000


def test_a_destination_is_checked_before_the_work(tmp_path):
    with pytest.raises(OutputError, match="must end in"):
        Destination(tmp_path / "m.h5", suffix=".keras")
    with pytest.raises(OutputError, match="does not exist"):
        Destination(tmp_path / "no" / "m.keras", suffix=".keras")
    with pytest.raises(OutputError, match="is the input itself"):
        Destination(tmp_path / "m.keras", suffix=".keras", force=True, inputs=[tmp_path / "." / "m.keras"])
    (tmp_path / "m.keras.report.json").write_text("{}")
    with pytest.raises(OutputError, match=r"report\.json exists"):
        Destination(tmp_path / "m.keras", suffix=".keras")


def test_integers_are_scaled_and_clipped_by_the_numbers_of_their_own_type():
    detail = {"dtype": np.int16, "quantization": (0.5, 10)}
    assert quantize_values(np.array([0.0, 1.0, 1e6]), detail).tolist() == [10, 12, 32767]
    assert dequantize_values(np.array([10, 12], np.int16), detail).tolist() == [0.0, 1.0]


def test_loading_a_model_that_is_no_model_names_what_it_is(tmp_path):
    layer = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    layer.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as source, zipfile.ZipFile(tmp_path / "n.keras", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(b'"Sequential"', b'"Sequentiel"') if name == "config.json" else data)
    with pytest.raises(InputError, match=r"n\.keras"):
        load(tmp_path / "n.keras")


def test_a_technique_refuses_a_model_with_weights_that_are_nan(tmp_path):
    broken = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="sick")])
    broken.set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    broken.save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"sick/kernel of m\.keras has values that are NaN"):
        load_keras(tmp_path / "m.keras")


@pytest.mark.parametrize("structure", ["tensor", "list", "dict", "sequential"])
def test_a_model_predicts_whatever_the_structure_of_its_input(structure):
    tensor = keras.Input((4,), name="x")
    dense = keras.layers.Dense(3)
    inputs = {"tensor": tensor, "list": [tensor], "dict": {"x": tensor}}
    model = keras.Sequential([keras.Input((4,)), dense]) if structure == "sequential" else None
    artifact = KerasArtifact.from_model(model or keras.Model(inputs[structure], dense(tensor)), "m.keras")
    x = np.ones((5, 4), "float32")
    np.testing.assert_allclose(artifact.predict(x), x @ dense.kernel.numpy(), rtol=1e-5)


def test_inputs_are_fed_in_the_order_of_the_keras_model_and_never_by_a_guess(tmp_path):

    from tfopt.conversion.convert import convert
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.runtime.progress import Silent

    first, second = keras.Input((2,), name="zeta"), keras.Input((2,), name="alpha")
    model = keras.Model([first, second], keras.layers.Subtract()([first, second]))
    made = convert(KerasArtifact.from_model(model, "two.keras"), Silent()).artifact
    x = [np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32)]
    np.testing.assert_array_equal(made.predict(x), np.ones((3, 2)))
    path = made.save(tmp_path / "two.tflite")
    with pytest.raises(InputError, match="does not say in which order"):
        TfliteArtifact.load(path).predict(x)


def test_many_models_that_are_run_once_each_are_no_retracing_to_tensorflow(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    for _ in range(6):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        assert predict_batches(model, np.ones((2, 3), np.float32)).shape == (2, 2)
    assert [record.message for record in caplog.records if "retracing" in record.message] == []
