"""Processes that are killed at any moment, or that write the same file at once: nothing is lost and nothing is half."""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, process
from tfopt.core.destination import Destination
from tfopt.errors import OutputError
from tfopt.runtime.temporary_files import temporary_folder

KILLS = {"train": 25, "prune": 25}  # moments, 10 of each other command
COMMANDS = {
    "train": ("train", "--epochs", 3, "-o", "out.keras"),
    "tune": ("tune", "--trials", 2, "--epochs", 1, "-o", "out.keras"),
    "build": ("build", "-o", "out.keras"),
    "prune": ("prune", "sample.keras", "--epochs", 1, "-o", "out.keras"),
    "cluster": ("cluster", "sample.keras", "--epochs", 1, "-o", "out.keras"),
    "distill": ("distill", "sample.keras", "--epochs", 1, "-o", "out.keras"),
    "binarize": ("binarize", "sample.keras", "--epochs", 1, "-o", "out.keras"),
    "quantize": ("quantize", "sample.keras", "--int8", "--emit", "c", "-o", "out.tflite"),
    "qat": ("quantize", "sample.keras", "--qat", "--epochs", 1, "-o", "out.tflite"),
    "sparsify": ("sparsify", "pruned.keras", "-o", "out.tflite"),
    "convert": ("convert", "sample.keras", "-o", "out.tflite"),
}
# A process that kills itself at the Nth call that changes the folder.
SUICIDE = """
import os, pathlib, signal, sys
left = int(sys.argv[1])
def counted(call):
    def counting(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return counting
os.fsync, os.link, os.replace = counted(os.fsync), counted(os.link), counted(os.replace)
pathlib.Path.unlink = counted(pathlib.Path.unlink)
class Report:
    def model_copy(self, update): return self
    def model_dump_json(self, indent): return "new report"
from tfopt.core.destination import Destination
destination = Destination("out.tflite", suffix=".tflite", force=sys.argv[2] == "force", companions=[".keras"])
with destination.held():
    destination.save(b"new" * 10**6, Report(), [b"new beside" * 10**5])
"""
NEW = {"out.tflite": b"new" * 10**6, "out.keras": b"new beside" * 10**5, "out.tflite.report.json": b"new report\n"}


def visible(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name[0] != "."}


@pytest.mark.parametrize("force", ["force", "no-force"])
def test_killed_between_any_two_steps_of_writing_each_file_is_old_or_new(tmp_path, force):
    old = dict.fromkeys(NEW, b"precious") if force == "force" else {}
    for step in range(40):
        folder = tmp_path / str(step)
        folder.mkdir()
        for name, content in old.items():
            (folder / name).write_bytes(content)
        ended = subprocess.run([sys.executable, "-c", SUICIDE, str(step), force], cwd=folder, check=False)
        found = visible(folder)
        assert all(found.get(name) in (old.get(name), NEW[name]) for name in NEW), (step, found)
        again = subprocess.run([sys.executable, "-c", SUICIDE, "1000", "force"], cwd=folder, check=False)
        assert again.returncode == 0
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == NEW
        if ended.returncode == 0:
            break
    assert step > 6


def test_of_two_that_write_one_output_the_second_gives_up_at_once(tmp_path):
    first, second = (Destination(tmp_path / "m.keras", suffix=".keras", force=True) for _ in range(2))
    with first.held(), pytest.raises(OutputError, match="another process is writing"), second.held():
        pass
    with second.held():
        assert (tmp_path / ".m.keras.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_came_while_waiting_is_not_replaced(tmp_path):
    destination = Destination(tmp_path / "m.keras", suffix=".keras")
    (tmp_path / "m.keras").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists"), destination.held():
        pass


def test_a_temporary_folder_of_a_dead_process_is_removed_and_that_of_a_living_one_is_not():
    code = (
        "import os, time, tfopt.runtime.temporary_files as s\n"
        "with s.temporary_folder() as f: (f / 'x').touch(); print(f, flush=True); "
    )
    dead, living = (
        subprocess.Popen([sys.executable, "-c", f"{code}time.sleep(60)"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    )
    folders = [Path(running.stdout.readline().strip()) for running in (dead, living)]
    beside = Path(tempfile.mkdtemp(prefix="tfopt-scratch-mine-"))
    (beside / "precious").touch()
    dead.kill()
    dead.wait()
    with temporary_folder() as own:
        assert own.is_dir()
        assert [folder.exists() for folder in folders] == [False, True]
        assert (beside / "precious").exists()
    living.terminate()
    living.wait()
    (beside / "precious").unlink()
    beside.rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("force", [True, False])
def test_two_commands_at_once_with_the_same_output(tmp_path, force):
    (tmp_path / "sample.keras").write_bytes((SAMPLES / "digits-cnn.keras").read_bytes())
    command = [sys.executable, "-m", "tfopt", "prune", "sample.keras", "-o", "out.keras", "-q"]
    command += ["--force"] * force
    running = [
        subprocess.Popen([*command, "--sparsity", sparsity], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for sparsity in ("0.5", "0.9")
    ]
    said = [one.communicate()[1] for one in running]
    codes = [one.returncode for one in running]
    assert sorted(codes) == [0, 2], said
    assert re.fullmatch(r"error: (another process is writing )?out\.keras.*\n", said[codes.index(2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.keras", "out.keras.report.json", "sample.keras"]
    sparsity = [0.5, 0.9][codes.index(0)]
    assert f'"sparsity": {sparsity}' in (tmp_path / "out.keras.report.json").read_text()
    found = process("inspect", "out.keras", "--json", folder=tmp_path).report
    assert found["nonzero_parameters"] < found["parameters"] * (1.1 - sparsity)


def temporaries():
    return [path for path in Path(os.environ["TMPDIR"]).iterdir() if path.is_file() or any(path.iterdir())]


def killed_after(seconds, command, folder):
    running = subprocess.Popen(
        [sys.executable, "-m", "tfopt", *map(str, command), "-q"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(seconds)
    running.send_signal(signal.SIGKILL)
    return running.wait()


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_moments(tmp_path, monkeypatch, name):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    sample = (SAMPLES / "digits-cnn.keras").read_bytes()
    for folder in ("undisturbed", "disturbed"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sample.keras").write_bytes(sample)
        pruned = ("prune", "sample.keras", "--schedule", "one-shot", "--sparsity", 0.9, "-o", "pruned.keras", "-q")
        assert name != "sparsify" or process(*pruned, folder=tmp_path / folder).code == 0
    began = time.monotonic()
    assert process(*COMMANDS[name], "-q", folder=tmp_path / "undisturbed").code == 0
    duration = time.monotonic() - began
    undisturbed = visible(tmp_path / "undisturbed")
    outputs = {name for name in undisturbed if name.startswith("out.") and ".tune.db" not in name}

    folder = tmp_path / "disturbed"
    for output in outputs:
        (folder / output).write_bytes(b"precious")
    rng = random.Random(name)
    resumes = name in ("train", "tune")
    for kill in range(int(os.environ.get("TFOPT_KILLS", KILLS.get(name, 10)))):
        more = ["--force", *["--resume"] * (resumes and kill > 0)]
        killed_after(rng.uniform(0, duration * 1.05), [*COMMANDS[name], *more], folder)
        found = visible(folder)
        assert found["sample.keras"] == sample
        for output in outputs - {out for out in outputs if out.endswith(".report.json")}:
            assert found[output] in (b"precious", undisturbed[output]), (name, output)
    ended = process(*COMMANDS[name], "--force", *["--resume"] * resumes, "-q", folder=folder)
    assert ended.code == 0, ended.err
    found = visible(folder)
    assert {out: found[out] for out in outputs if "report" not in out} == {
        out: undisturbed[out] for out in outputs if "report" not in out
    }
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert temporaries() == []
