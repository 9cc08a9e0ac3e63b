import keras
import numpy as np
import pytest

from tests.test_data import npz
from tfopt.formats.loading import load_keras


def test_a_model_is_built_for_the_data_and_remembers_it(tfopt, tmp_path):
    npz(tmp_path / "d.npz")
    ended = tfopt("build", "--arch", "hybrid", "--size", "tiny", "--parts", "attention", "--data", "d.npz", "--json")
    assert ended.code == 0, ended.err
    [measured] = ended.report["measurements"]
    assert measured["accuracy"] is None
    assert ended.report["data"]["source"] == "d.npz"
    assert any("random" in note for note in ended.report["notes"])
    artifact = load_keras("model.keras")
    assert artifact.model.count_params() == measured["parameters"]
    assert (artifact.model.name, artifact.model.input_shape, artifact.model.output_shape) == (
        "hybrid", (None, 6, 6), (None, 3)
    )  # fmt: skip
    assert [step.command for step in artifact.provenance.history] == ["build"]
    assert artifact.provenance.history[0].config["parts"] == "attention"
    assert tfopt("evaluate", "model.keras", "--json").report["measurements"][0]["accuracy"]["total"] == 20


def test_the_same_seed_gives_the_same_weights_and_another_one_others(tfopt):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert tfopt("build", "--arch", "mlp", "--size", "tiny", "--seed", seed, "-o", f"{name}.keras", "-q").code == 0
    a, b, c = (keras.saving.load_model(f"{name}.keras").get_weights()[0] for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_without_an_architecture_it_is_the_one_that_suits_the_data(tfopt):
    assert tfopt("build", "--width", 4, "--depth", 1, "-q").code == 0
    model = keras.saving.load_model("model.keras")
    assert model.name == "cnn"
    assert [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)] == [4, 4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--arch mlp --residual", "--residual is not for --arch mlp: it is for cnn"),
        ("--arch cnn --blocks 3", "--blocks 3 needs --residual"),
        ("--arch seq2seq", "--arch seq2seq does not take images of shape (8, 8, 1)"),
        ("--arch transformer --heads 3", "--heads 3 does not divide the width of 64 evenly"),
        ("--width 0", "--width 0 is out of range"),
        ("--dropout 1", "--dropout 1.0 is out of range"),
        ("--size huge", "--size"),
        ("-o net.tflite", "must end in .keras"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(tfopt, tmp_path, options, words):
    ended = tfopt("build", *options.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert list(tmp_path.iterdir()) == []
