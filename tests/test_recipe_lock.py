"""The lock of a recipe notices other bytes and figures, tells other versions, and says which."""

import json
import re
import shutil

import pytest

from tests.conftest import SAMPLES
from tfopt.core.recipe_lock import _figure
from tfopt.report.schema import Accuracy, Deviation, GateResult, Measurement

RECIPE = """# comments do not count
source: m.keras
steps:
  - technique: prune
    config: {schedule: one-shot, sparsity: 0.3}
gates: {max_drop: 20%, max_size: 1MB}
outputs: {model: small.keras}
"""


@pytest.fixture
def locked(tfopt, tmp_path):
    """A folder in which a recipe was run; returns what changes its lock."""
    shutil.copy(SAMPLES / "digits-mlp.keras", tmp_path / "m.keras")
    (tmp_path / "r.yaml").write_text(RECIPE)
    assert tfopt("run", "r.yaml", "-q").code == 0
    path = tmp_path / "r.lock.json"

    def change(edit):
        lock = json.loads(path.read_text())
        edit(lock)
        path.write_text(json.dumps(lock))

    return change


def test_an_undisturbed_second_run_passes_and_leaves_the_lock_alone(tfopt, tmp_path, locked):
    (tmp_path / "r.yaml").write_text("# other comments\n" + RECIPE)
    before = (tmp_path / "r.lock.json").read_bytes()
    ended = tfopt("run", "r.yaml", "--locked", "--json")
    assert ended.code == 0, ended.err
    checks = {(check["what"], check["name"]): check["passed"] for check in ended.report["lock"]}
    assert checks == dict.fromkeys(
        [
            ("input", "recipe"), ("input", "source m.keras"), ("input", "data"), ("output", "small.keras"),
            ("max-size", "small.keras"), ("max-drop on the test split", "small.keras"),
        ],
        True,
    )  # fmt: skip
    assert (tmp_path / "r.lock.json").read_bytes() == before


def test_one_flipped_byte_of_the_source_is_noticed_before_it_is_opened(tfopt, tmp_path, locked):
    payload = bytearray((tmp_path / "m.keras").read_bytes())
    payload[len(payload) // 2] ^= 1
    (tmp_path / "m.keras").write_bytes(bytes(payload))
    ended = tfopt("run", "r.yaml", "--locked")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "the inputs are not those of r.lock.json: source m.keras: sha256 " in ended.err


def test_another_recipe_is_noticed(tfopt, tmp_path, locked):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("0.3", "0.4"))
    ended = tfopt("run", "r.yaml", "--locked")
    assert (ended.code, "not those of r.lock.json: recipe: sha256 " in ended.err) == (1, True)


def test_another_version_is_told_and_fails_only_if_bytes_differ(tfopt, locked):
    locked(lambda lock: lock["versions"].update(keras="3.0.0"))
    ended = tfopt("run", "r.yaml", "--locked", "--json")
    assert ended.code == 0
    assert any(
        note.startswith("keras is ") and note.endswith(" here and 3.0.0 in the lock") for note in ended.report["notes"]
    )
    locked(lambda lock: lock["outputs"].update({"small.keras": "0" * 64}))
    ended = tfopt("run", "r.yaml", "--locked")
    assert ended.code == 1
    assert "FAIL: output small.keras: locked 0000" in ended.out


def test_a_figure_outside_of_its_interval_fails_and_one_inside_does_not(tfopt, locked):
    locked(lambda lock: lock["figures"][1].update(found=0.001))
    assert tfopt("run", "r.yaml", "--locked").code == 0
    locked(lambda lock: lock["figures"][1].update(low=0.4, high=0.6))
    ended = tfopt("run", "r.yaml", "--locked")
    assert (ended.code, "FAIL: max-drop on the test split small.keras: locked 0.001" in ended.out) == (1, True)


def test_a_limit_that_does_not_hold_is_exit_1_and_no_lock(tfopt, tmp_path, locked):
    (tmp_path / "r.lock.json").unlink()
    (tmp_path / "r.yaml").write_text(RECIPE.replace("1MB", "9kB"))
    ended = tfopt("run", "r.yaml", "--resume")
    assert (ended.code, "FAIL: small.keras: --max-size 9.0 kB" in ended.out) == (1, True)
    assert "was not written: a limit does not hold" in " ".join(ended.out.split())
    assert not (tmp_path / "r.lock.json").exists()
    assert (tmp_path / "r-run" / "small.keras").exists()


def test_a_lock_that_is_not_there_or_is_damaged_is_one_sentence(tfopt, tmp_path, locked):
    (tmp_path / "r.lock.json").write_text("{}")
    ended = tfopt("run", "r.yaml", "--locked")
    assert (ended.code, "r.lock.json is damaged" in ended.err) == (2, True)
    (tmp_path / "r.lock.json").unlink()
    ended = tfopt("run", "r.yaml", "--locked")
    assert (ended.code, "run the recipe without --locked first" in ended.err) == (2, True)


def test_inputs_of_one_name_are_told_apart_and_all_that_differ_are_named(tfopt, tmp_path):
    (tmp_path / "large").mkdir()
    for folder in (tmp_path, tmp_path / "large"):
        shutil.copy(SAMPLES / "digits-mlp.keras", folder / "m.keras")
    (tmp_path / "r.yaml").write_text(
        "source: m.keras\nsteps:\n  - technique: prune\n    config: {epochs: 1, teacher: large/m.keras}\n"
    )
    assert tfopt("run", "r.yaml", "-q").code == 0
    for path in (tmp_path / "m.keras", tmp_path / "large" / "m.keras"):
        path.write_bytes(path.read_bytes() + b"?")
    ended = tfopt("run", "r.yaml", "--locked", "--junit", "results.xml")
    assert ended.code == 1
    assert "source m.keras: sha256" in ended.err
    assert "1. prune, teacher m.keras: sha256" in ended.err
    assert 'failures="2"' in (tmp_path / "results.xml").read_text()


def test_a_lock_does_not_depend_on_the_folder_that_a_run_is_started_in(tfopt, tmp_path, locked, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tfopt("run", "../r.yaml", "--locked", "-q").code == 0


def test_a_lock_of_something_else_is_kept_unless_forced(tfopt, tmp_path, locked):
    (tmp_path / "r.yml").write_text(RECIPE)
    ended = tfopt("run", "r.yml", "-o", "other")
    assert (ended.code, "r.lock.json exists and is no lock of r.yml" in ended.err) == (2, True)
    assert not (tmp_path / "other").exists()
    assert tfopt("run", "r.yml", "-o", "other", "--force", "-q").code == 0


def test_limits_of_a_technique_and_of_the_recipe_are_held_each_to_its_own_figure(tfopt, tmp_path, locked):
    text = RECIPE.replace("gates:", "  - technique: quantize\ngates:").replace("small.keras", "small.tflite")
    (tmp_path / "r.yaml").write_text(text)
    assert tfopt("run", "r.yaml", "--resume", "-q").code == 0
    figures = json.loads((tmp_path / "r.lock.json").read_text())["figures"]
    told = [(one["gate"], one["split"], one["low"] < one["high"]) for one in figures]
    assert told == [("max-drop", "validation", False), ("max-size", "test", False), ("max-drop", "test", True)]
    ended = tfopt("run", "r.yaml", "--locked", "--junit", "results.xml")
    assert ended.code == 0
    assert "--max-drop 5.00 points on the validation split, found" in ended.out
    names = re.findall('name="(max-drop [^"]*)"', (tmp_path / "results.xml").read_text())
    assert len(names) == len(set(names)) == 4  # two limits, and both as locked


def measured(**score):
    sizes = dict.fromkeys(("file_bytes", "gzip_bytes", "parameters", "nonzero_parameters", "macs"), 1)
    return Measurement(name="a", format="keras", latency=None, **sizes, **score)


def test_the_interval_of_a_drop_is_that_of_what_was_measured():
    gate = GateResult(gate="max-drop", name="a", limit=0.05, found=0.02, passed=True)
    one = measured(accuracy=Accuracy(correct=90, total=100, value=0.9, low=0.8, high=0.95))
    assert (_figure(gate, [one]).low, _figure(gate, [one]).high) == pytest.approx((0.02 - 0.05, 0.02 + 0.1))
    other = measured(deviation=Deviation(mae=2.0, low=1.5, high=3.0, samples=9, unit=None))
    assert (_figure(gate, [other]).low, _figure(gate, [other]).high) == pytest.approx((0.02 - 0.25, 0.02 + 0.5))
    unknown = measured(deviation=Deviation(mae=2.0, low=None, high=None, samples=9, unit=None))
    assert (_figure(gate, [unknown]).low, _figure(gate, [unknown]).high) == (0.02, 0.02)
    size = GateResult(gate="max-size", name="a", limit=9, found=7, passed=True)
    assert (_figure(size, [one]).low, _figure(size, [one]).high) == (7, 7)
