"""A `.tflite` file remembers what a `.keras` file does, in a few hundred bytes that the runtime never reads."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.conversion.convert import convert
from tfopt.data.config import DataConfig
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load, load_keras
from tfopt.formats.provenance import Provenance
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.metadata import MEMBER, without_metadata
from tfopt.formats.tflite.packing import packed_size
from tfopt.runtime.progress import Silent

MOST = 600  # bytes for the history of train and quantize


@pytest.fixture(scope="module")
def made():
    return library.quantize(SAMPLES / "digits-cnn.keras", library.QuantizeConfig(precision="dynamic"))


@pytest.fixture(scope="module")
def file(made, tmp_path_factory):
    return made.artifact.save(tmp_path_factory.mktemp("metadata") / "m.tflite")


def forged(payload, text, **options):
    """Return a file with this text where its metadata would be."""
    buffer = io.BytesIO()
    buffer.write(payload)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, text, **options)
    return buffer.getvalue()


def test_a_file_remembers_its_data_scaling_and_history(file):
    memory = load(file).provenance
    source = load_keras(SAMPLES / "digits-cnn.keras").provenance
    assert (memory.data, memory.scaling, memory.fingerprint) == (source.data, source.scaling, source.fingerprint)
    assert [step.command for step in memory.history] == ["train", "quantize"]


def test_metadata_cost_a_few_hundred_bytes_and_change_no_answer(made, file, digits):
    payload = file.read_bytes()
    bare = without_metadata(payload)
    assert 0 < len(payload) - len(bare) < MOST
    assert payload.startswith(bare)
    assert without_metadata(bare) == bare
    x = digits.test.x[:50]
    np.testing.assert_array_equal(load(file).predict(x), TfliteArtifact("bare.tflite", bare).predict(x))
    assert Interpreter(model_path=str(file)).get_input_details()[0]["name"]
    assert f"{len(payload) - len(bare)} bytes" in " ".join(made.report.notes)


@pytest.mark.slow
def test_the_same_command_writes_the_same_bytes_and_all_files_of_a_report_are_weighed_alike(made, file):
    again = library.quantize(SAMPLES / "digits-cnn.keras", library.QuantizeConfig(precision="dynamic"))
    assert again.artifact.payload == file.read_bytes()
    before = convert(load_keras(SAMPLES / "digits-cnn.keras"), Silent()).artifact
    extra = len(made.artifact.payload) - len(without_metadata(made.artifact.payload))
    assert made.report.measurements[1].file_bytes == packed_size(before.payload) + extra


def test_commands_read_it_where_they_asked_for_like_and_data(tfopt, sample, file):
    image = np.tile(np.linspace(0, 16, 8, dtype=np.float32)[:, None, None], (1, 8, 1))
    np.save("x.npy", image)
    asked = tfopt("predict", sample, "--file", "x.npy", "--json").report["predictions"]
    found = tfopt("predict", file, "--file", "x.npy", "--json").report["predictions"]
    assert found[0]["answer"] == asked[0]["answer"]
    report = tfopt("compare", file, sample, "--json").report
    assert report["data"]["source"] == "digits"
    assert all(one["accuracy"]["total"] == 359 for one in report["measurements"])
    page = tfopt("inspect", file).out
    assert "made by tfopt train, then quantize" in page
    assert "did not write it" not in page


def test_no_metadata_leaves_the_bare_file(tfopt, sample, made):
    assert tfopt("quantize", sample, "--dynamic", "--no-metadata", "-o", "b.tflite").code == 0
    bare = (sample.parent / "b.tflite").read_bytes()
    assert bare == without_metadata(made.artifact.payload)
    assert load(sample.parent / "b.tflite").provenance is None
    assert "did not write it" not in tfopt("inspect", "b.tflite").out


def test_the_order_of_several_inputs_is_remembered(tmp_path):
    inputs = [keras.Input((3,), name="b"), keras.Input((2,), name="a")]
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    source = KerasArtifact.from_model(model, "two.keras")
    library.convert(model).artifact.save(tmp_path / "two.tflite")
    x = [np.ones((4, 3), np.float32), np.full((4, 2), 2, np.float32)]
    np.testing.assert_allclose(load(tmp_path / "two.tflite").predict(x), source.predict(x), atol=1e-6)


def test_saved_elsewhere_it_finds_its_data_from_there(made, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    data = DataConfig(source=str(tmp_path / "a" / "d.npz"))
    artifact = TfliteArtifact("m.tflite", without_metadata(made.artifact.payload))
    artifact.remember(Provenance(data=data), tmp_path)
    for folder, way in (("a", "./d.npz"), ("a/b", "../d.npz"), (".", "./a/d.npz")):
        path = artifact.save(tmp_path / folder / "m.tflite")
        with zipfile.ZipFile(path) as archive:
            assert json.loads(archive.read(MEMBER))["data"]["source"] == way
        assert load(path).provenance.data == data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"not json", "damaged or from a newer tfopt"),
        (b'{"format": 2}', "damaged or from a newer tfopt"),
        (b'{"scaling": {"scale": "unit", "deviation": 0}}', "damaged or from a newer tfopt"),
        (b'{"inputs": ["nobody"]}', "names inputs that it does not have"),
        (b" " * 10_000_001, "which tfopt never writes"),
    ],
)
def test_hostile_metadata_are_one_sentence(made, tmp_path, text, words):
    path = tmp_path / "m.tflite"
    path.write_bytes(forged(without_metadata(made.artifact.payload), text))
    with pytest.raises(InputError, match=words):
        load(path)


def test_a_file_that_was_cut_within_its_metadata_is_refused(made, tmp_path, monkeypatch):
    from tfopt.formats.tflite import artifact

    monkeypatch.setattr(artifact, "try_tflite", lambda payload, name, batch: batch)
    whole = made.artifact.payload
    for length in range(len(without_metadata(whole)) + 4, len(whole)):
        (tmp_path / "m.tflite").write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged"):
            load(tmp_path / "m.tflite")


def test_a_file_with_any_byte_of_its_metadata_damaged_loads_or_is_one_sentence(made, tmp_path, monkeypatch):
    from tfopt.formats.tflite import artifact

    monkeypatch.setattr(artifact, "try_tflite", lambda payload, name, batch: batch)  # what it runs is not damaged
    payload = bytearray(made.artifact.payload)
    path, start, refused = tmp_path / "m.tflite", len(without_metadata(bytes(payload))), 0
    for place in range(start, len(payload), 3):
        payload[place] ^= 0xFF
        path.write_bytes(payload)
        try:
            load(path)
        except InputError as error:
            refused += "\n" not in str(error)
        payload[place] ^= 0xFF
    assert refused > 10


def test_a_zip_of_somebody_else_behind_the_model_is_left_alone(made, tmp_path):
    bare = without_metadata(made.artifact.payload)
    buffer = io.BytesIO()
    buffer.write(bare)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("labels.txt", "a\nb")
    (tmp_path / "m.tflite").write_bytes(buffer.getvalue())
    artifact = load(tmp_path / "m.tflite")
    assert artifact.provenance is None
    assert without_metadata(artifact.payload) == artifact.payload
