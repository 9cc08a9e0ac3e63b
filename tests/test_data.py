import numpy as np
import pytest

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError
from tfopt.tasks.compatibility import ModelPorts, match


def npz(path, **changes):
    """A small sound data set of 60 + 20 samples of 6x6 pixels in three classes, with some arrays exchanged."""
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (60, 6, 6), np.uint8),
        "y_train": np.arange(60) % 3,
        "x_test": rng.integers(0, 256, (20, 6, 6), np.uint8),
        "y_test": np.arange(20) % 3,
    } | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return DataConfig(source=str(path))


def rows(split):
    return {row.tobytes() for row in split.x}


def test_digits_splits_are_disjoint_fixed_and_stratified(digits):
    again = load(DataConfig())
    sizes = {name: len(split.x) for name, split in digits.splits()}
    assert sum(sizes.values()) == 1797
    for name, split in digits.splits():
        np.testing.assert_array_equal(split.x, getattr(again, name).x)
        counts = np.bincount(split.y, minlength=10)
        assert counts.max() - counts.min() <= max(3, 0.15 * counts.mean())
    assert not rows(digits.test) & rows(digits.train)
    assert not rows(digits.test) & rows(digits.calibration)
    assert not rows(digits.validation) & rows(digits.train)
    assert again.fingerprint == digits.fingerprint


def test_test_split_does_not_depend_on_the_share_for_validation(digits):
    np.testing.assert_array_equal(load(DataConfig(validation=0.3)).test.x, digits.test.x)


def test_a_given_test_split_is_used_whole_and_as_it_is(tmp_path):
    data = load(npz(tmp_path / "d.npz"))
    assert len(data.test.x) == 20
    assert sum(len(split.x) for _, split in data.splits()) == 80


@pytest.mark.parametrize(("scale", "low", "high"), [("none", 0, 255), ("unit", 0, 1), ("signed", -1, 1), (None, 0, 1)])
def test_8_bit_values_are_scaled_as_asked_and_to_0_1_if_nothing_is(tmp_path, scale, low, high):
    x = np.tile(np.array([[0, 255]], np.uint8), (60, 3)).reshape(60, 6)
    config = npz(tmp_path / "d.npz", x_train=x, x_test=x[:20])
    data = load(config.model_copy(update={"scale": scale}))
    assert (data.train.x.min(), data.train.x.max()) == (low, high)


def test_standard_scale_is_that_of_the_training_split_only(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal([5, -3], [2, 7], (200, 2)).astype("float32")
    config = npz(tmp_path / "d.npz", x_train=x, y_train=np.arange(200) % 3, x_test=x[:20] + 100)
    data = load(config.model_copy(update={"scale": "standard"}))
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(data.train.x.std(axis=0), 1, atol=1e-5)
    assert data.test.x.mean() > 5


def test_a_remembered_scaling_is_used_instead_of_one_fitted_anew(tmp_path):
    config = npz(tmp_path / "d.npz").model_copy(update={"scale": "standard"})
    first = load(config)
    shifted = npz(tmp_path / "e.npz", x_train=np.full((60, 6, 6), 9, np.uint8))
    assert load(shifted, Preprocessor(scaling=first.scaling)).scaling == first.scaling


def test_float_values_are_fed_as_they_are(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    data = load(npz(tmp_path / "d.npz", x_train=x, x_test=x[:20]))
    assert data.scaling.scale == "none"


def test_rare_classes_are_split_without_stratification_and_that_is_said(tmp_path):
    y = np.zeros(60, int)
    y[0] = 1
    data = load(npz(tmp_path / "d.npz", y_train=y, y_test=np.zeros(20, int)))
    assert any("not stratified" in note for note in data.notes)


def test_a_channel_axis_more_or_less_is_no_obstacle(digits):
    assert match(digits, "m", ModelPorts([(None, 8, 8)], [(None, 10)])).test.x.shape[1:] == (8, 8)
    assert match(digits, "m", ModelPorts([(None, 8, 8, 1)], [(None, 10)])) is digits


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ([(None, 28, 28, 1)], [(None, 10)], r"takes samples of shape \(28, 28, 1\)"),
        ([(None, 8, 8, 1)], [(None, 5)], "label 9, out of range"),
        ([(None, 8, 8, 1)], [(None, 8, 10)], "one score a class"),
        ([(None, 8, 8, 1)] * 2, [(None, 10)], "2 inputs and 1 outputs"),
    ],
)
def test_data_that_does_not_fit_the_model_is_refused_in_one_sentence(digits, inputs, outputs, words):
    with pytest.raises(InputError, match=words):
        match(digits, "m", ModelPorts(inputs, outputs))


def test_token_data_of_keras_is_padded_and_not_scaled(monkeypatch):
    import keras

    reviews = np.array([[1, 5, 7], [1, 9]] * 20, dtype=object)
    labels = np.array([0, 1] * 20)
    monkeypatch.setattr(keras.datasets.imdb, "load_data", lambda num_words: ((reviews, labels), (reviews, labels)))
    data = load(DataConfig(source="imdb"))
    assert (data.kind, data.vocabulary, data.train.x.dtype) == ("tokens", 10_000, np.int32)
    assert data.train.x.shape[1] == 200


def test_a_data_set_that_cannot_be_downloaded_names_what_to_fetch_and_where_to_put_it(monkeypatch):
    import keras

    def fail(**_):
        raise Exception("URL fetch failure on https://example.org/mnist.npz: None -- refused")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(InputError, match=r"fetch https://example.org/mnist.npz yourself and put it into .*datasets"):
        load(DataConfig(source="mnist"))


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean digits"):
        load(DataConfig(source="digit"))
