"""Recipes: read with the line of each mistake, saved by commands, run, resumed, and published as a schema."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

import tfopt as library
from tests.conftest import SAMPLES, process
from tests.recipes import BEYOND, QUICK, WRONG, quick_recipe, written
from tfopt.cli import run as run_tfopt
from tfopt.core import registry
from tfopt.core.recipe_file import read_recipe
from tfopt.core.recipe_schema import recipe_schema
from tfopt.core.run_folder import RunFolder

DOCS = Path(__file__).parents[1] / "docs"
MLP = SAMPLES / "digits-mlp.keras"


@pytest.fixture(scope="module")
def validator():
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(("text", "words"), [*WRONG.items(), *BEYOND.items()], ids=range(len(WRONG) + len(BEYOND)))
def test_each_mistake_is_one_sentence_with_its_line_and_nothing_is_written(tfopt, tmp_path, text, words):
    written(tmp_path, text)
    ended = tfopt("run", "r.yaml")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_the_schema_refuses_what_run_refuses(validator, text):
    assert not validator.is_valid(YAML(typ="safe").load(text))


def test_a_recipe_may_be_a_folder_or_no_text_or_not_there(tfopt, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.yaml").write_text("# " + "x" * 1_000_001)
    told = {
        "folder": "is a folder",
        "binary": "no text in UTF-8",
        "large": "more than 1,000,000 bytes",
        "none": "not exist",
    }
    for name, words in told.items():
        ended = tfopt("run", f"{name}.yaml")
        assert (ended.code, words in ended.err) == (2, True), ended.err


def blocks():
    found = re.findall(r"```yaml\n(.*?)```", (DOCS / "recipes.md").read_text(encoding="utf-8"), flags=re.S)
    return [text for text in found if "steps:" in text or "extends:" in text] + [(DOCS / "small.yaml").read_text()]


def test_the_schema_takes_every_recipe_of_the_docs_and_so_does_the_reader(validator, tmp_path):
    assert len(blocks()) == 4
    for number, text in enumerate(blocks()):
        assert validator.is_valid(YAML(typ="safe").load(text)), text
        written(tmp_path, blocks()[0], "small.yaml")
        assert read_recipe(written(tmp_path, text, f"{number}.yaml")).steps


def test_the_published_schema_is_the_one_that_the_command_prints(tfopt):
    ended = tfopt("schema")
    published = json.loads((DOCS / "recipe.schema.json").read_text(encoding="utf-8"))
    assert (ended.code, json.loads(ended.out)) == (0, published)


def test_every_config_that_a_command_saves_is_valid_by_the_schema(validator):
    for name in registry.OWN:
        technique = registry.technique(name)
        fields = json.loads(technique.config().model_dump_json(exclude_none=True))
        assert validator.is_valid({"source": "model.keras", "steps": [{"technique": name, "config": fields}]}), name


def test_a_recipe_takes_what_it_leaves_out_from_the_one_that_it_extends(tmp_path):
    (tmp_path / "usual").mkdir()
    base = "source: model.keras\ndata: {source: waves, scale: unit}\n"
    base += "steps:\n  - technique: cluster\ngates: {max_drop: 1%}\n"
    written(tmp_path / "usual", base, "base.yaml")
    found = read_recipe(written(tmp_path, "extends: usual/base.yaml\ndata: {scale: none}\ngates: {max_size: 9kB}\n"))
    assert found.source == str(tmp_path / "usual" / "model.keras")
    assert (found.data.source, found.data.scale) == ("waves", "none")
    assert (found.gates.max_drop, found.gates.max_size) == (0.01, 9000)
    assert [step.technique for step in found.steps] == ["cluster"]
    written(tmp_path / "usual", base.replace("cluster", "clstr"), "base.yaml")
    with pytest.raises(library.InputError, match=r"base.yaml, line 4: there is no technique clstr"):
        read_recipe(tmp_path / "r.yaml")


def test_anchors_and_merged_fields_are_those_that_they_stand_for(tmp_path):
    text = """
steps:
  - technique: prune
    config: &usual {epochs: 3, seed: 4}
  - technique: cluster
    config:
      <<: *usual
      seed: 5
"""
    pruned, clustered = read_recipe(written(tmp_path, text)).configs()
    assert (pruned.epochs, pruned.seed, clustered.epochs, clustered.seed) == (3, 4, 3, 5)


def test_paths_are_those_of_the_file_that_they_stand_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    text = "source: model.keras\nsteps:\n  - technique: prune\n    config: {teacher: large.keras}\n"
    recipe = read_recipe(written(tmp_path / "a", text).relative_to(tmp_path))
    assert recipe.source == "a/model.keras"
    assert recipe.configs()[0].teacher == Path("a/large.keras")
    recipe.write(tmp_path / "again.yaml")
    assert "a/model.keras" in (tmp_path / "again.yaml").read_text()


COMMANDS = {
    "prune": ("prune", "m.keras", "--sparsity", "0.6", "--epochs", "1", "--teacher", "self"),
    "structured": ("prune", "m.keras", "--structured", "units", "--amount", "0.3", "--epochs", "1"),
    "cluster": ("cluster", "m.keras", "--clusters", "8", "--epochs", "1", "-o", "few.keras"),
    "distill": ("distill", "m.keras", "--student", "small/s.keras", "--epochs", "1"),
    "distill-new": ("distill", "m.keras", "--student", "mlp:tiny", "--epochs", "1", "--data", "digits"),
    "binarize": ("binarize", "m.keras", "--post-training", "--mode", "ternary"),
    "quantize": ("quantize", "m.keras", "--int8", "--io", "int8", "--batch", "1", "--emit", "c"),
    "weights": ("quantize", "m.keras", "--weights", "int4", "--calibration", "20", "--dynamic", "--algorithm", "gptq"),
    "qat": ("quantize", "m.keras", "--qat", "--epochs", "1"),
    "convert": ("convert", "m.keras", "-o", "float.tflite"),
    "to-keras": ("convert", "m.keras", "other.keras"),
    "to-onnx": ("convert", "m.keras", "other.onnx"),
    "sparsify": ("sparsify", "sparse.keras"),
}
FAST = ("prune", "quantize")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in COMMANDS]
)
def test_a_saved_recipe_gives_the_same_bytes_in_an_empty_folder(tfopt, tmp_path, monkeypatch, name):
    made, empty = tmp_path / "made", tmp_path / "empty"
    (made / "small").mkdir(parents=True)
    empty.mkdir()
    shutil.copy(MLP, made / "m.keras")
    shutil.copy(MLP, made / "small" / "s.keras")
    monkeypatch.chdir(made)
    if name == "sparsify":
        assert tfopt("prune", "m.keras", "--sparsity", "0.9", "--schedule", "one-shot", "-o", "sparse.keras").code == 0
    before = set(made.iterdir())
    ended = tfopt(*COMMANDS[name], "--save-recipe", "r.yaml", "-q")
    assert ended.code == 0, ended.err
    monkeypatch.chdir(empty)
    ended = tfopt("run", "../made/r.yaml")
    assert ended.code == 0, ended.err
    files = {path.name: path for path in made.iterdir() if path not in before}
    outputs = [name for name in files if not name.endswith((".json", ".yaml"))]
    assert outputs
    for output in outputs:
        assert files[output].read_bytes() == (empty / "r-run" / output).read_bytes(), output


FOUR = """
source: m.keras
steps:
  - technique: structured
    config: {amount: 0.25, epochs: 1}
  - technique: prune
    config: {epochs: 1}
  - technique: cluster
    config: {epochs: 1, clusters: 8}
  - technique: qat
    config: {epochs: 1}
outputs: {model: q.tflite}
"""


@pytest.fixture
def quick(tmp_path):
    return quick_recipe(tmp_path)


def test_a_second_run_repeats_no_step_and_a_changed_one_only_what_follows(tfopt, tmp_path, quick, monkeypatch):
    applied = []
    for name in ("prune", "cluster"):
        kind = type(registry.technique(name))
        apply = kind.apply
        monkeypatch.setattr(kind, "apply", lambda *given, apply=apply, name=name: applied.append(name) or apply(*given))
    assert tfopt("run", "r.yaml").code == 0
    assert applied == ["prune", "cluster"]
    refused = tfopt("run", "r.yaml")
    assert (refused.code, "--resume" in refused.err, "--force" in refused.err) == (2, True, True)
    first = (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes()
    ended = tfopt("run", "r.yaml", "--resume", "--json")
    assert applied == ["prune", "cluster"]
    assert any("2 of 2 steps had been done" in note for note in ended.report["notes"])
    assert (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes() == first
    quick.write_text(QUICK.replace("8}", "6}"))
    assert tfopt("run", "r.yaml", "--resume").code == 0
    assert applied == ["prune", "cluster", "cluster"]
    assert tfopt("run", "r.yaml", "--force").code == 0
    assert applied == ["prune", "cluster", "cluster", "prune", "cluster"]


def test_a_kept_step_that_has_changed_is_made_again(tfopt, tmp_path, quick):
    assert tfopt("run", "r.yaml").code == 0
    first = (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes()
    for kept in (tmp_path / "r-run" / "steps").glob("*/0.keras"):
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert tfopt("run", "r.yaml", "--resume").code == 0
    assert (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes() == first


def test_a_folder_of_another_recipe_or_that_cannot_be_written_is_refused(tfopt, tmp_path, quick):
    assert tfopt("run", "r.yaml", "-o", "out").code == 0
    written(tmp_path, QUICK, "other.yaml")
    ended = tfopt("run", "other.yaml", "-o", "out", "--resume")
    assert (ended.code, "out is the run folder of r.yaml" in ended.err) == (2, True)
    (tmp_path / "out" / "run.json").write_text("{")
    assert "run.json is not what a run writes" in tfopt("run", "r.yaml", "-o", "out", "--resume").err
    ended = tfopt("run", "r.yaml", "-o", "m.keras")
    assert (ended.code, "m.keras is no folder" in ended.err) == (2, True)
    ended = tfopt("run", "r.yaml", "-o", "no/such/folder")
    assert (ended.code, "cannot make the folder" in ended.err) == (2, True)
    ended = tfopt("run", "r.yaml", "-o", "new", "--resume", "--force")
    assert (ended.code, "--resume goes on" in ended.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_model_that_is_none_leaves_no_folder(tfopt, tmp_path):
    written(tmp_path, QUICK)
    assert "r.yaml, line 1: m.keras does not exist" in tfopt("run", "r.yaml").err
    (tmp_path / "m.keras").write_bytes(b"no model")
    ended = tfopt("run", "r.yaml")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"r.yaml", "m.keras"}


def test_a_file_that_no_run_wrote_is_kept_unless_forced(tfopt, tmp_path, quick):
    (tmp_path / "r-run").mkdir()
    mine = tmp_path / "r-run" / "m-pruned-clustered.keras"
    mine.write_text("mine")
    ended = tfopt("run", "r.yaml")
    assert (ended.code, "is not what an earlier run wrote" in ended.err, mine.read_text()) == (2, True, "mine")
    assert tfopt("run", "r.yaml", "--force").code == 0
    assert mine.read_bytes()[:2] == b"PK"


def test_of_two_runs_in_one_folder_one_gives_up(tfopt, tmp_path, quick):

    with RunFolder(tmp_path / "r-run", "r.yaml", resume=False).held():
        ended = tfopt("run", "r.yaml")
    assert (ended.code, "another process is running in r-run" in ended.err) == (2, True)


def killed_and_resumed(folder, undisturbed, moments):
    """Kill a run some seconds after so many steps are done, resume it, and compare; return how many were found done."""
    found = []
    command = [sys.executable, "-m", "tfopt", "run", "r.yaml", "-q", "--resume"]
    for done, seconds in moments:
        shutil.rmtree(folder / "r-run", ignore_errors=True)
        running = subprocess.Popen(command, cwd=folder)
        steps = folder / "r-run" / "steps"
        while running.poll() is None and len(list(steps.glob("[!.]*"))) < done:
            time.sleep(0.02)
        time.sleep(seconds)
        running.send_signal(signal.SIGKILL)
        running.wait()
        kept = {path.name: path.stat().st_mtime_ns for path in steps.glob("[!.]*")} if steps.exists() else {}
        ended = process("run", "r.yaml", "--resume", "--json", folder=folder)
        assert ended.code == 0, ended.err
        assert {name: (steps / name).stat().st_mtime_ns for name in kept} == kept  # none was made again
        assert not list(steps.glob(".*"))
        for name, payload in undisturbed.items():
            assert (folder / "r-run" / name).read_bytes() == payload
        found.append(len(kept))
    return found


def undisturbed_run(folder):
    assert process("run", "r.yaml", "-q", folder=folder).code == 0
    return {
        path.name: path.read_bytes() for path in (folder / "r-run").iterdir() if path.suffix in (".keras", ".tflite")
    }


@pytest.mark.slow
def test_a_run_that_was_killed_resumes_to_the_same_bytes(tmp_path, quick):
    outputs = undisturbed_run(tmp_path)
    assert outputs
    assert killed_and_resumed(tmp_path, outputs, [(1, 0.2)]) in ([1], [2])


@pytest.mark.slow
def test_four_steps_that_are_killed_at_25_random_moments_end_with_the_same_bytes(tmp_path):
    shutil.copy(MLP, tmp_path / "m.keras")
    written(tmp_path, FOUR)
    outputs = undisturbed_run(tmp_path)
    assert {"q.tflite", "q.keras"} <= outputs.keys()
    chance = random.Random(0)
    moments = [(number % 4, chance.uniform(0, 3 if number < 13 else 0.3)) for number in range(25)]
    found = killed_and_resumed(tmp_path, outputs, moments)
    assert {0, 1, 2, 3} <= set(found)


@pytest.mark.slow
def test_a_kill_between_any_two_writes_leaves_what_can_be_resumed(tfopt, tmp_path, quick, monkeypatch):
    assert tfopt("run", "r.yaml", "-q").code == 0
    result = (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes()
    shutil.rmtree(tmp_path / "r-run")
    code = (
        "import sys, os; from pathlib import Path; from tfopt.cli import run\n"
        "count = [int(sys.argv[1])]; rename = Path.rename; replace = Path.replace\n"
        "def counted(do):\n"
        "    def inner(*given):\n"
        "        count[0] -= 1\n"
        "        if count[0] < 0: os._exit(9)\n"
        "        return do(*given)\n"
        "    return inner\n"
        "Path.rename, Path.replace = counted(rename), counted(replace)\n"
        "sys.exit(run(['run', 'r.yaml', '-q', '--resume']))\n"
    )
    ended = [
        subprocess.run([sys.executable, "-c", code, str(number)], cwd=tmp_path, check=False).returncode
        for number in (0, 3, 6, 9)
    ]
    assert ended[0] == 9
    assert process("run", "r.yaml", "-q", "--resume", folder=tmp_path).code == 0
    assert (tmp_path / "r-run" / "m-pruned-clustered.keras").read_bytes() == result


def test_a_recipe_is_not_written_over_nor_beside_a_model_that_exists(tfopt, tmp_path, sample):
    (tmp_path / "r.yaml").write_text("mine")
    ended = tfopt("cluster", "sample.keras", "--save-recipe", "r.yaml")
    assert (ended.code, "r.yaml exists" in ended.err) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"sample.keras", "r.yaml"}


def test_in_python_a_recipe_runs_as_on_the_command_line(tmp_path, quick, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = library.run("r.yaml")
    assert Path(result.report.output).read_bytes() == result.artifact.payload
    assert result.report.command == "run"


def test_custom_code_is_never_named_by_a_recipe(tfopt, tmp_path):
    written(tmp_path, "custom_objects: os:getcwd\n" + QUICK)
    ended = tfopt("run", "r.yaml")
    assert (ended.code, "Recipe has no custom_objects" in ended.err) == (2, True)


def test_the_command_line_and_the_library_read_the_same_recipe(tmp_path, quick):
    assert run_tfopt(["run", str(quick), "--dry-run", "-q"]) == 0
