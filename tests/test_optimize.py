"""`tfopt optimize`: files are found, judged, written with recipes that make them again, and found again on resuming."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.cli import run as run_tfopt
from tfopt.core.run_folder import RunFolder
from tfopt.evaluation.evaluator import Evaluator
from tfopt.optimization import optimization

QUICK = ("--files", "3", "--finalists", "1", "--epochs", "1", "--max-drop", "2%")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder after a short search, where the model lies, and its report."""
    home = tmp_path_factory.mktemp("optimize")
    shutil.copy(SAMPLES / "digits-mlp.keras", home / "model.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run_tfopt(["optimize", "model.keras", *QUICK, "--quiet"]) == 0
    folder = home / "model-optimized"
    return folder, json.loads((folder / "front.json").read_text())


def test_the_chosen_file_is_the_smallest_that_keeps_to_the_limit(searched):
    folder, report = searched
    holding = [point for point in report["front"] if point["holds"]]
    [chosen] = [point for point in report["front"] if point["chosen"]]
    assert chosen == min(holding, key=lambda point: point["costs"]["size"])
    payload = (folder / "model-optimized.tflite").read_bytes()
    assert payload == (folder / chosen["file"]).read_bytes()
    assert len(payload) == chosen["costs"]["size"]
    assert [gate["gate"] for gate in report["gates"]] == ["max-drop"]
    assert report["gates"][0]["split"] == "validation"


def test_each_file_of_the_front_is_measured_on_the_test_split_and_lies_in_the_folder(searched):
    folder, report = searched
    measured = {one["name"]: one for one in report["measurements"]}
    for point in report["front"]:
        assert (folder / point["file"]).stat().st_size == measured[point["file"]]["file_bytes"]
        assert measured[point["file"]]["accuracy"]["total"] == report["data"]["samples"]["test"]
    assert [point for point in report["front"] if point["made"] == "int8"]  # what nothing was tried on


def test_the_recipe_of_a_file_makes_it_again_bit_by_bit(searched, monkeypatch):
    folder, report = searched
    point = next(point for point in report["front"] if point["made"] != "int8")
    monkeypatch.chdir(folder.parent)
    recipe = folder / point["file"].replace(".tflite", ".yaml")
    assert run_tfopt(["run", str(recipe), "--output", "again", "--quiet"]) == 0
    assert (folder.parent / "again" / point["file"]).read_bytes() == (folder / point["file"]).read_bytes()


def test_a_resumed_search_makes_nothing_twice_and_ends_alike(searched, monkeypatch, tmp_path):
    folder, report = searched
    shutil.copytree(folder.parent, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    made = []
    keep = RunFolder.keep
    monkeypatch.setattr(RunFolder, "keep", lambda self, *given: (made.append(given), keep(self, *given)))
    assert run_tfopt(["optimize", "model.keras", *QUICK, "--resume", "--quiet"]) == 0
    assert not made
    again = tmp_path / "copy" / "model-optimized"
    assert json.loads((again / "front.json").read_text())["front"] == report["front"]
    assert (again / "model-optimized.tflite").read_bytes() == (folder / "model-optimized.tflite").read_bytes()


def test_another_file_of_the_front_is_picked_without_anything_being_made(searched, tfopt, tmp_path):
    folder, report = searched
    shutil.copytree(folder, tmp_path / "model-optimized")
    shutil.copy(folder.parent / "model.keras", "model.keras")
    point = next(point for point in report["front"] if not point["chosen"])
    ended = tfopt("optimize", "model.keras", "--pick", point["number"])
    assert ended.code == 0
    assert point["made"] in ended.err
    assert (tmp_path / "model-optimized" / "model-optimized.tflite").read_bytes() == (
        folder / point["file"]
    ).read_bytes()
    assert tfopt("optimize", "model.keras", "--pick", 99).code == 2


def test_no_search_is_given_a_test_sample(monkeypatch, digits, tmp_path):
    seen, on = [], Evaluator.on
    monkeypatch.setattr(Evaluator, "on", lambda data, split: (seen.append((split, len(data.test))), on(data, split))[1])
    monkeypatch.setattr(optimization, "_finished", lambda search, *_: search)
    config = library.OptimizeConfig(files=1, finalists=0)
    folder = library.FolderConfig(output=tmp_path / "made")
    search = library.optimize(SAMPLES / "digits-mlp.keras", config, digits, folder=folder)
    assert len(search.made) == 1
    assert set(seen) == {("validation", 0)}


def test_limits_that_nothing_keeps_to_are_told_and_the_nearest_file_is_written(tfopt, tmp_path):
    shutil.copy(SAMPLES / "digits-mlp.keras", "model.keras")
    ended = tfopt("optimize", "model.keras", "--max-size", "1kB", "--files", "1", "--finalists", "0")
    assert ended.code == 1
    assert "FAIL: point-1.tflite: --max-size 1.0 kB" in ended.out
    assert "the nearest was written" in " ".join(ended.out.split())
    assert (tmp_path / "model-optimized" / "model-optimized.tflite").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--for", "tflmm"), "did you mean tflm"),
        (("--max-error-growth", "5%"), "accuracy is limited by --max-drop"),
        (("--data", "nothing.npz"), "does not exist"),
        (("--goal", "speed"), "is not one of 'size', 'latency', 'ram', 'flash', 'macs'"),
        (("--pick", "1"), "holds no front"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_folder(tfopt, tmp_path, options, words):
    shutil.copy(SAMPLES / "digits-mlp.keras", "model.keras")
    ended = tfopt("optimize", "model.keras", *options)
    assert ended.code == 2
    assert words in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras"]


def test_a_folder_of_another_model_or_run_is_left_alone(searched, tfopt, tmp_path):
    folder, _ = searched
    shutil.copytree(folder, tmp_path / "model-optimized")
    shutil.copy(SAMPLES / "digits-cnn.keras", "model.keras")
    ended = tfopt("optimize", "model.keras", "--force")
    assert ended.code == 2
    assert "is the run folder of model.keras (" in ended.err
    shutil.copy(SAMPLES / "digits-mlp.keras", "model.keras")
    ended = tfopt("optimize", "model.keras")
    assert ended.code == 2
    assert "--resume" in ended.err
    assert "--force" in ended.err


def started(folder, *options):
    """Start a search as a user does, in a process of its own."""
    shutil.copy(SAMPLES / "digits-mlp.keras", folder / "model.keras")
    command = [sys.executable, "-m", "tfopt", "optimize", "model.keras", *QUICK, "--resume", *options]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_search_that_is_killed_again_and_again_ends_with_the_bytes_of_one_that_was_not(searched, tmp_path):
    folder, _ = searched
    moments, kills = random.Random(0), 0
    for _ in range(6):
        process = started(tmp_path)
        try:
            process.wait(moments.uniform(5, 25))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    process = started(tmp_path)
    process.communicate(timeout=600)
    assert kills >= 2
    assert process.returncode == 0
    names = sorted(path.name for path in folder.glob("*.tflite"))
    assert sorted(path.name for path in (tmp_path / "model-optimized").glob("*.tflite")) == names
    for name in names:
        assert (tmp_path / "model-optimized" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_a_search_that_is_interrupted_writes_the_best_until_then(tmp_path):
    process = started(tmp_path)
    for line in process.stderr:
        if line.startswith("int8:"):
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "interrupted: what was being made is left out" in out
    assert (tmp_path / "model-optimized" / "model-optimized.tflite").exists()


@pytest.mark.slow
def test_a_search_ends_in_the_time_that_it_has(tmp_path):
    start = time.monotonic()
    process = started(tmp_path, "--files", "500", "--finalists", "50", "--epochs", "500", "--time", "90s")
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert time.monotonic() - start < 1.1 * 90 + 10  # to import TensorFlow, and what a busy machine takes
