import json

import pytest

import tfopt as tfopt_library
from tests.conftest import SAMPLES


def test_compare_measures_any_files_and_exits_1_when_a_gate_fails(tfopt, sample):
    mlp = SAMPLES / "digits-mlp.keras"
    held = tfopt("compare", sample, mlp, "--max-drop", 0.2, "--max-size", "1MB", "--json")
    assert held.code == 0
    assert [gate["passed"] for gate in held.report["gates"]] == [True, True]
    failed = tfopt("compare", sample, mlp, "--max-drop", 0.2, "--max-size", "30kB")
    assert failed.code == 1
    assert "FAIL: digits-mlp.keras: --max-size 30.0 kB" in failed.out
    worse = tfopt("compare", sample, mlp, "--max-drop", 0.0, "--json")
    assert worse.code == (1 if worse.report["comparisons"][0]["accuracy"]["change"] < 0 else 0)


def test_compare_shows_many_files_with_their_own_baselines(tfopt, sample, tmp_path):
    assert tfopt("convert", sample, "-o", "float.tflite", "-q").code == 0
    assert tfopt("quantize", sample, "--dynamic", "-o", "dynamic.tflite", "-q").code == 0
    ended = tfopt("compare", sample, SAMPLES / "digits-mlp.keras", "float.tflite", "dynamic.tflite", "--json")
    sizes = [c["size"] and c["size"]["against"] for c in ended.report["comparisons"]]
    assert sizes == ["sample.keras", None, "float.tflite"]


def test_evaluate_measures_one_model(tfopt, sample):
    ended = tfopt("evaluate", sample, "--json")
    assert ended.code == 0
    assert ended.report["measurements"][0]["accuracy"]["total"] == 359
    assert ended.report["comparisons"] == []


def test_json_is_all_there_is_on_stdout_for_every_command(tfopt, sample, tmp_path):
    for arguments in (
        ("train", "--arch", "mlp", "--epochs", 1, "-o", "a.keras"),
        ("prune", sample, "--epochs", 1, "-o", "b.keras"),
        ("convert", sample, "-o", "c.tflite"),
        ("quantize", sample, "--float16", "-o", "d.tflite"),
        ("evaluate", sample),
        ("compare", sample, sample),
    ):
        ended = tfopt(*arguments, "--json")
        assert ended.code == 0, ended.err
        report = json.loads(ended.out)
        assert report["command"] == arguments[0]
        assert report["versions"]["tfopt"]
        output = report["output"]
        if output:
            assert json.loads((tmp_path / f"{output}.report.json").read_text()) == report


def test_quiet_prints_nothing(tfopt, sample):
    ended = tfopt("prune", sample, "--schedule", "one-shot", "-q")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_an_existing_output_is_kept_unless_forced(tfopt, sample, tmp_path):
    out = tmp_path / "out.keras"
    out.write_bytes(b"precious")
    refused = tfopt("prune", sample, "-o", out)
    assert refused.code == 2
    assert out.read_bytes() == b"precious"
    assert tfopt("prune", sample, "--schedule", "one-shot", "-o", out, "--force", "-q").code == 0
    assert out.read_bytes() != b"precious"


def test_a_model_without_memory_and_data_is_pruned_in_one_shot_and_that_is_said(tfopt, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(30), keras.layers.Dense(3)])
    model.save(tmp_path / "theirs.keras")
    ended = tfopt("prune", "theirs.keras", "--json")
    assert ended.code == 0
    notes = ended.report["notes"]
    assert "accuracy not measured: no data" in notes
    assert any("one shot, weights only" in note for note in notes)
    assert ended.report["measurements"][1]["accuracy"] is None
    refused = tfopt("quantize", "theirs.keras", "--int8")
    assert refused.code == 2
    assert "--data" in refused.err
    assert tfopt("quantize", "theirs.keras", "--dynamic", "-q").code == 0


def test_a_pruned_model_remembers_its_data_and_its_history(tfopt, sample, tmp_path):
    assert tfopt("prune", sample, "--epochs", 1, "-o", "once.keras", "-q").code == 0
    assert tfopt("prune", "once.keras", "--sparsity", 0.7, "--epochs", 1, "-o", "twice.keras", "-q").code == 0
    from tfopt.formats.loading import load_keras

    memory = load_keras(tmp_path / "twice.keras").provenance
    assert [step.command for step in memory.history] == ["train", "prune", "prune"]
    assert memory.data.source == "digits"


def test_changed_data_is_pointed_out(tfopt, tmp_path):
    from tests.test_data import npz

    npz(tmp_path / "d.npz")
    assert tfopt("train", "--arch", "mlp", "--data", "d.npz", "--epochs", 1, "-q").code == 0
    npz(tmp_path / "d.npz", y_train=[(i + 1) % 3 for i in range(60)])
    ended = tfopt("evaluate", "model.keras", "--json")
    assert any("has changed since model.keras was trained" in note for note in ended.report["notes"])


def test_data_that_moved_is_found_beside_or_asked_for(tfopt, tmp_path):
    from tests.test_data import npz

    (tmp_path / "data").mkdir()
    npz(tmp_path / "data" / "d.npz")
    assert tfopt("train", "--arch", "mlp", "--data", "data/d.npz", "--epochs", 1, "-q").code == 0
    (tmp_path / "data" / "d.npz").rename(tmp_path / "d.npz")
    assert tfopt("evaluate", "model.keras", "-q").code == 0
    (tmp_path / "d.npz").rename(tmp_path / "e.npz")
    asked = tfopt("evaluate", "model.keras")
    assert asked.code == 2
    assert "say where it is with --data" in asked.err
    assert tfopt("evaluate", "model.keras", "--data", "e.npz", "-q").code == 0


@pytest.mark.parametrize("arch", [pytest.param("cnn", marks=pytest.mark.slow), "mlp"])
def test_a_model_for_an_npz_file_goes_through_prune_and_quantize(tfopt, tmp_path, arch):
    from tests.test_data import npz

    npz(tmp_path / "d.npz")
    assert tfopt("train", "--arch", arch, "--data", "d.npz", "--epochs", 1, "-q").code == 0
    assert tfopt("prune", "model.keras", "--epochs", 1, "-q").code == 0
    assert tfopt("quantize", "-q").code == 0
    assert (tmp_path / "model-pruned-int8.tflite").exists()


def test_a_model_that_was_trained_on_other_data_or_another_split_than_it_is_compared_on_is_named(tmp_path):
    one, other, third = (
        tfopt_library.build(tfopt_library.BuildConfig(size="tiny"), data, name=f"{name}.keras").artifact
        for name, data in (
            ("one", "digits"),
            ("other", tfopt_library.DataConfig(source="digits", split_seed=1)),
            ("third", "diabetes"),
        )
    )
    notes = tfopt_library.compare([one, one, other]).notes
    assert [note.split(" ")[0] for note in notes if "trained on another split" in note] == ["other.keras"]
    assert "it may know the test samples" in " ".join(notes)
    assert not any("trained on" in note for note in tfopt_library.compare([one, one]).notes)
    assert third.provenance.fingerprint != one.provenance.fingerprint
