"""Recipes at the edges: what is compared with what, what a step depends on, and which files are never written over."""

import keras
import pytest

import tfopt as library
from tests.recipes import QUICK, quick_recipe, written
from tfopt.core.recipe_file import read_recipe
from tfopt.core.run_folder import RunFolder


@pytest.fixture
def quick(tmp_path):
    return quick_recipe(tmp_path)


def test_limits_hold_for_a_last_step_that_changes_nothing(tfopt, tmp_path, quick):
    quick.write_text(
        "source: m.keras\nsteps:\n  - technique: prune\n    config: {sparsity: 0.95, schedule: one-shot}\n"
        "  - technique: to-keras\ngates: {max_size: 1kB, max_drop: 0}\n"
    )
    ended = tfopt("run", "r.yaml", "--json")
    assert ended.code == 1
    assert [(gate["gate"], gate["passed"]) for gate in ended.report["gates"]] == [
        ("max-size", False),
        ("max-drop", False),
    ]


def test_max_drop_without_data_is_refused_before_the_work(tfopt, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    written(tmp_path, QUICK + "gates: {max_drop: 1%}\n")
    ended = tfopt("run", "r.yaml")
    assert (ended.code, "max_drop needs data" in ended.err) == (2, True)
    assert not (tmp_path / "r-run").exists()


def test_data_named_in_short_are_relative_to_the_recipe_that_names_them(tmp_path):
    (tmp_path / "base").mkdir()
    written(tmp_path / "base", "data: {source: base.csv, label: y}\nsteps:\n  - technique: prune\n", "base.yaml")
    found = read_recipe(written(tmp_path, "extends: base/base.yaml\ndata: child.csv\n"))
    assert (found.data.source, found.data.label) == (str(tmp_path / "child.csv"), "y")


def table(folder, words):
    rows = [f"{number % 7},{number % 5},{words[number % 2]}" for number in range(120)]
    (folder / "t.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")


def test_a_step_is_done_again_where_the_model_would_remember_other_classes(tfopt, tmp_path):
    table(tmp_path, ("cat", "dog"))
    stack = [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(2, activation="softmax")]
    keras.Sequential(stack).save(tmp_path / "m.keras")
    written(tmp_path, "source: m.keras\ndata: t.csv\nsteps:\n  - technique: prune\n    config: {epochs: 1}\n")
    assert tfopt("run", "r.yaml", "-q").code == 0
    table(tmp_path, ("cow", "pig"))
    assert tfopt("run", "r.yaml", "--resume", "-q").code == 0
    assert library.load(tmp_path / "r-run" / "m-pruned.keras").provenance.class_names == ("cow", "pig")


def test_a_step_is_done_again_where_custom_code_has_changed(tmp_path, monkeypatch):
    from tfopt.formats.keras import custom_objects

    code = tmp_path / "own_layers.py"
    code.write_text("import keras\ndef objects():\n    return {'own': keras.layers.ReLU}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom_objects, "_sources", [])
    custom_objects.register_custom_objects("own_layers:objects")
    before = custom_objects.source_hashes()
    code.write_text(code.read_text() + "# changed\n")
    custom_objects.register_custom_objects("own_layers:objects")
    assert list(before) == ["own_layers:objects"]
    assert custom_objects.source_hashes() != before
    keras.saving.get_custom_objects().pop("own")


@pytest.mark.parametrize(
    "options",
    [
        ("-o", ".", "--force"), ("--junit", "r.yaml", "--force"), ("--junit", "m.keras", "--force"),
        ("--junit", "r-run/m.keras", "--force"), ("--junit", "x.xml", "--markdown", "x.xml"),
        ("--junit", "r.lock.json"),
    ],
)  # fmt: skip
def test_no_file_is_written_twice_or_in_place_of_an_input(tfopt, tmp_path, quick, options):
    quick.write_text(QUICK + "outputs: {model: m.keras}\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ended = tfopt("run", "r.yaml", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "is the input itself" in ended.err or "is asked for twice" in ended.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "options",
    [
        ("--save-recipe", "sample.keras", "--force"), ("--save-recipe", "o.keras", "-o", "o.keras"),
        ("--save-recipe", "o.keras.report.json", "-o", "o.keras"),
    ],
)  # fmt: skip
def test_a_saved_recipe_takes_no_place_of_a_model(tfopt, tmp_path, sample, options):
    before = sample.read_bytes()
    ended = tfopt("prune", "sample.keras", "--schedule", "one-shot", *options)
    assert ended.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["sample.keras"]
    assert sample.read_bytes() == before


def test_a_run_killed_after_its_result_was_in_place_can_be_resumed(tfopt, tmp_path, quick):
    assert tfopt("run", "r.yaml", "-q").code == 0
    quick.write_text(QUICK.replace("8}", "6}"))
    folder = RunFolder(tmp_path / "r-run", "r.yaml", resume=True)
    result = tmp_path / "r-run" / "m-pruned-clustered.keras"
    with pytest.MonkeyPatch.context() as patch:  # the kill comes when all is written but for the end
        patch.setattr("tfopt.core.run_folder.write_files", lambda contents, force: result.write_bytes(contents[result]))
        folder.write({result: b"the new one"})
    assert tfopt("run", "r.yaml", "--resume", "-q").code == 0
    assert result.read_bytes() != b"the new one"


def test_hidden_files_of_the_user_in_a_folder_called_steps_stay(tfopt, tmp_path, quick):
    mine = tmp_path / "steps" / ".mine.tmp"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert tfopt("run", "r.yaml", "-o", ".", "-q").code == 0
    assert tfopt("run", "r.yaml", "-o", ".", "--resume", "-q").code == 0
    assert mine.read_text() == "mine"


def test_comments_are_kept_where_a_recipe_is_written_anew(tfopt, tmp_path, sample):
    text = """# why
source: sample.keras  # mine
steps:
  - technique: prune  # half
    config:
      sparsity: 0.9  # much
"""
    written(tmp_path, text)
    options = ("--sparsity", "0.5", "--dry-run", "--save-recipe", "r.yaml")
    assert tfopt("prune", "sample.keras", *options).code == 2
    assert tfopt("prune", "sample.keras", *options, "--force").code == 0
    found = (tmp_path / "r.yaml").read_text()
    assert all(comment in found for comment in ("# why", "# mine", "# half", "# much"))
    assert read_recipe(tmp_path / "r.yaml").configs()[0].sparsity == 0.5


@pytest.mark.parametrize(
    "damage", [lambda text: text.replace('"measured": [', '"measured": [7, '), lambda _: "", lambda _: "[]"]
)
def test_a_record_of_a_step_that_has_changed_counts_as_not_there(tfopt, tmp_path, quick, damage):
    assert tfopt("run", "r.yaml", "-q").code == 0
    for record in (tmp_path / "r-run" / "steps").glob("*/step.json"):
        record.write_text(damage(record.read_text()))
    ended = tfopt("run", "r.yaml", "--resume", "--json")
    assert (ended.code, any("had been done" in note for note in ended.report["notes"])) == (0, False)
