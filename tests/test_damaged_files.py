"""Files that were cut off or of which a bit was flipped: they are refused in one sentence, or they work."""

import io
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import h5py
import pytest

import tfopt as library
from tests import damage
from tests.conftest import SAMPLES, process
from tests.hostile_models import keras_file
from tests.samples_as_tflite import floats, quantized
from tfopt.formats.keras.artifact import KerasArtifact

MOST_SECONDS = 60.0  # for one file
NAMES = ("digits-cnn.keras", "digits-mlp.keras")
PRECISIONS = ("float32", "int8", "int16", "dynamic", "float16")
ALL = [(name, precision) for name in NAMES for precision in (None, *PRECISIONS)]
NOW = [("digits-cnn.keras", None), ("digits-cnn.keras", "int8")]


def written(folder, name, precision):
    """A sample model as it is, or as a .tflite file."""
    if precision is None:
        return SAMPLES / name
    path = folder / f"{name.removesuffix('.keras')}-{precision}.tflite"
    path.write_bytes(floats(name) if precision == "float32" else quantized(name, precision))
    return path


def lines_of(command):
    """What a process prints, line by line; an assertion if it is silent for too long or dies."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    running = subprocess.Popen(
        command, cwd=Path(__file__).parents[1], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    lines: queue.Queue[bytes] = queue.Queue()

    def read():
        for line in running.stdout:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    last = "the start"
    try:
        while True:
            try:
                line = lines.get(timeout=MOST_SECONDS)
            except queue.Empty:
                pytest.fail(f"it hung after {last}")
            if not line:
                break
            last = line.decode().strip()
            yield last
        assert running.wait() == 0, f"the process died after {last}"
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def check(path, model, part):
    found = [
        tuple(line.split("|")) for line in lines_of([sys.executable, "-m", "tests.damage", path, model, str(part)])
    ]
    wrong = [line for line in found if not {*line[1:]} <= {"done", "refused"}]
    print(path.name, dict(Counter(line[0].split()[0] + ": " + ", ".join(line[1:]) for line in found)))
    assert wrong == []
    assert len(found) == 300 // part
    return found


@pytest.mark.parametrize(("name", "precision"), [NOW[0], pytest.param(*NOW[1], marks=pytest.mark.slow)])
def test_some_cuts_and_flipped_bits(tmp_path, name, precision):
    found = check(written(tmp_path, name, precision), SAMPLES / name, 20)
    assert {line[1] for line in found if line[0].startswith("cut")} == {"refused"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), NOW)
def test_every_percent_and_two_hundred_bits(tmp_path, name, precision):
    found = check(written(tmp_path, name, precision), SAMPLES / name, 1)
    assert {line[1] for line in found if line[0].startswith("cut")} == {"refused"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), [one for one in ALL if one not in NOW])
def test_every_fifth_percent_and_forty_bits_of_other_forms(tmp_path, name, precision):
    found = check(written(tmp_path, name, precision), SAMPLES / name, 5)
    assert {line[1] for line in found if line[0].startswith("cut")} == {"refused"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["inspect", "compare"])
def test_the_commands_end_with_0_or_2_and_without_a_traceback(tmp_path, command):
    for name, precision in NOW:
        path = written(tmp_path, name, precision)
        for number, content in enumerate(content for _, content in damage.damaged(path.read_bytes(), 30)):
            copy = tmp_path / f"{number}{path.suffix}"
            copy.write_bytes(content)
            ended = process(command, *([SAMPLES / name] if command == "compare" else []), copy, folder=tmp_path)
            assert ended.code in (0, 2), ended.err
            assert "Traceback" not in ended.err
            assert ended.code == 0 or (ended.err.startswith("error: ") and ended.err.count("\n") == 1)


def test_a_tensor_whose_name_is_no_text(tmp_path, tfopt):
    named = library.convert(SAMPLES / "digits-mlp.keras", library.FloatConfig(keep_names=True)).artifact.payload
    (tmp_path / "m.tflite").write_bytes(named.replace(b"MatMul", b"\xffatMul"))
    ended = tfopt("inspect", "m.tflite")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: m.tflite cannot be run by LiteRT: the name of a tensor is no text\n"


def test_a_group_among_the_slots_of_the_optimizer_is_not_counted(tmp_path):
    def change(members):
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            file.require_group("optimizer/vars").create_group("deeper")
        members["model.weights.h5"] = buffer.getvalue()

    keras_file(tmp_path / "m.keras", change)
    assert KerasArtifact.load(tmp_path / "m.keras").optimizer_bytes == 0
