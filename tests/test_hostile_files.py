"""Files made to do harm: nothing in them runs, none takes 2 GB or a minute, each is one sentence and exit 2."""

import json
import os

import keras
import numpy as np
import pytest

from tests.conftest import process
from tests.hostile_data import DATA, lzma_array, npz
from tests.hostile_keras2 import KERAS_2
from tests.hostile_models import MODELS as KERAS_3
from tests.hostile_models import evil_module, keras_file
from tests.measured import taken
from tfopt.errors import InputError
from tfopt.untrusted.trial import try_tflite

MODELS = KERAS_3 | KERAS_2
MOST_BYTES = 2_000_000_000
MOST_SECONDS = 60.0


def check(ended, folder, words):
    assert not (folder / "executed").exists()
    assert not (folder.parent / "executed").exists()
    assert ended.code == 2, (ended.out[-500:], ended.err[-500:])
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1, ended.err
    assert "unexpected" not in ended.err, ended.err
    assert words in ended.err, ended.err
    assert len(ended.err) < 1100


SLOW = {"150,000 layers", "nines in gzip", "an array of zeros that swells", "lines of 10 MB between tabs"}
SLOW |= {name for name in MODELS if "bomb" in name}


def cases(which):
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in which]


@pytest.mark.parametrize("name", cases(MODELS))
def test_a_model_is_refused(tfopt, tmp_path, name):
    make, words = MODELS[name]
    path = make(tmp_path)
    check(tfopt("evaluate", path), tmp_path, words)


@pytest.mark.parametrize("name", cases(DATA))
def test_data_are_refused(tfopt, tmp_path, name):
    make, words = DATA[name]
    path = make(tmp_path)
    check(tfopt("train", "--data", path, "--epochs", 1), tmp_path, words)


def swelling(folder):
    npz(folder / "c.npz", x=np.zeros((10**6, 300), "u1"))
    return "c.npz"


def device(folder):
    (folder / "c").mkdir()
    (folder / "c" / "x.png").symlink_to("/dev/zero")
    return "c"


CALIBRATIONS = {
    "a pipe": (lambda f: os.mkfifo(f / "c.npz") or "c.npz", "no file but a folder, a device"),
    "an array that swells": (swelling, "would swell"),
    "an array that unpacks to more than it declares": (lzma_array, "compressed in a way"),
    "a link to a device": (device, "holds no image"),
}


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_samples_to_calibrate_on_are_refused(tfopt, sample, tmp_path, name):
    make, words = CALIBRATIONS[name]
    check(tfopt("quantize", sample, "--calibration", make(tmp_path)), tmp_path, words)


def test_a_single_number_is_no_sample(tfopt, sample, tmp_path):
    np.save(tmp_path / "c.npy", 3)
    words = "holds a single number"
    check(tfopt("quantize", sample, "--calibration", "c.npy"), tmp_path, words)
    check(tfopt("predict", sample, "--file", "c.npy"), tmp_path, words)


def test_a_model_that_cannot_be_run_is_one_sentence(tfopt, tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.StringLookup(vocabulary=["a"])(inputs)).save(tmp_path / "m.keras")
    told = tfopt("inspect", "m.keras")
    assert told.code == 0
    assert "cannot be run by Keras" in " ".join(told.out.split())
    check(tfopt("evaluate", "m.keras"), tmp_path, "cannot be run by Keras")


def test_what_a_file_says_does_not_steer_the_terminal(tfopt, tmp_path):
    keras_file(tmp_path / "m.keras", saying("\x1b[2J\x9bH"))
    ended = tfopt("inspect", "m.keras")
    assert ended.code == 0
    assert "[2J" in ended.out
    assert not {"\x1b", "\x9b"} & {*ended.out, *ended.err}


def saying(text):
    def change(members):
        memory = json.loads(members["tfopt.json"])
        memory["history"][0]["command"] = text
        members["tfopt.json"] = json.dumps(memory).encode()

    return change


def test_processes_of_tfopt_import_nothing_from_the_current_folder(tmp_path, monkeypatch):
    for name in ("numpy", "contextlib", "tfopt", "ai_edge_litert"):
        evil_module(tmp_path, name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be run by LiteRT"):
        try_tflite(b"", "m.tflite", 1)
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
def test_modules_that_lie_beside_a_model_are_not_imported(sample, tmp_path):
    for name in ("numpy", "pydantic", "ai_edge_litert", "tensorflow", "keras_hub", "threading", "signal"):
        evil_module(tmp_path, name)
    ended = process("quantize", sample, "--dynamic", "-q", folder=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MODELS, *DATA])
def test_it_stays_below_two_gigabytes_and_a_minute(tmp_path, name):
    make, words = (MODELS | DATA)[name]
    path = make(tmp_path)
    command = ["inspect", path] if name in MODELS else ["train", "--data", path, "--epochs", "1"]
    if "data that" in name:
        command[0] = "evaluate"
    ended = taken("-m", "tfopt", *command, folder=tmp_path)
    print(f"{name}: {ended.seconds:.1f} s, {ended.size / 1e6:.0f} MB")
    assert ended.code == 2
    assert words in ended.err
    assert not (tmp_path / "executed").exists()
    assert ended.seconds < MOST_SECONDS
    assert 0 < ended.size < MOST_BYTES
