"""Data made in Python: the same samples are the same data, however they are given; what is no data is one sentence."""

import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfopt
from tfopt.data.config import DataConfig
from tfopt.errors import InputError

RNG = np.random.default_rng(0)
X, Y = RNG.random((120, 6), np.float32), np.arange(120) % 3
COLUMNS = [f"a{i}" for i in range(6)]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        rows = slice(15 * index, 15 * index + 15)
        return X[rows], Y[rows]


def frame(columns):
    """What is asked of a data frame, as those of pandas and polars answer."""
    answers = {"__getitem__": lambda _, name: columns[name], "columns": list(columns)}
    return type("DataFrame", (), {"__module__": "pandas.core.frame", **answers})()


KINDS = {
    "dict": {"x": X, "y": Y},
    "lists": (list(X), list(Y)),
    "tf.data": tf.data.Dataset.from_tensor_slices((X, Y)),
    "tf.data in batches": tf.data.Dataset.from_tensor_slices((X, Y)).batch(7),
    "tf.data of unknown length": tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda *_: True).batch(50),
    "PyDataset": Batches(),
    "a function": lambda: (X, Y),
}


def differences(found, wanted):
    """The splits that differ, and the fingerprint if it does."""
    pairs = zip(found.splits(), wanted.splits(), strict=True)
    splits = [name for (name, a), (_, b) in pairs if not (np.array_equal(a.x, b.x) and np.array_equal(a.y, b.y))]
    return splits + ["fingerprint"] * (found.fingerprint != wanted.fingerprint)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_samples_are_the_same_data_however_they_are_given(kind):
    assert differences(tfopt.load_data(KINDS[kind]), tfopt.load_data((X, Y))) == []


def test_a_file_of_the_same_arrays_is_the_same_data(tmp_path):
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    assert differences(tfopt.load_data(tmp_path / "d.npz"), tfopt.load_data((X, Y))) == []


def test_one_hot_labels_in_single_samples_are_told_from_batches():
    data = tf.data.Dataset.from_tensor_slices((X, np.eye(3)[Y]))
    assert differences(tfopt.load_data(data), tfopt.load_data(data.batch(10))) == []
    assert differences(tfopt.load_data(data.batch(10, drop_remainder=True)), tfopt.load_data(data)) == []


def test_a_frame_is_the_same_data_as_a_table_in_a_file(tmp_path):
    x = X.astype(np.float64)
    columns = {name: x[:, i] for i, name in enumerate(COLUMNS)} | {"label": np.array(["a", "b", "c"], object)[Y]}
    rows = [",".join(columns), *(",".join(str(value) for value in row) for row in zip(*columns.values(), strict=True))]
    (tmp_path / "d.csv").write_text("\n".join(rows))
    found = tfopt.load_data(frame(columns))
    assert differences(found, tfopt.load_data(tmp_path / "d.csv")) == []
    assert (found.class_names, found.columns) == (("a", "b", "c"), tuple(COLUMNS))


def test_a_test_split_of_ones_own_is_kept():
    data = tfopt.load_data(((X, Y), (X[:30] + 1, Y[:30])))
    np.testing.assert_array_equal(data.test.x, X[:30] + 1)
    assert len(data.train) + len(data.validation) + len(data.calibration) == 120


def test_texts_and_words_as_labels_are_classified():
    texts = [f"the {word} number {i}" for i in range(40) for word in ("good", "bad")]
    data = tfopt.load_data((texts, ["yes", "no"] * 40), DataConfig(length=4))
    assert (data.kind, data.class_names, data.train.x.shape[1]) == ("tokens", ("no", "yes"), 4)


def test_options_say_how_they_are_fed_and_split():
    data = tfopt.load_data((X, Y), DataConfig(scale="standard", validation=0.5, task="regression"))
    assert (data.task, data.scaling.scale, len(data.validation)) == ("regression", "standard", 48)


def test_weights_of_samples_are_left_out_and_that_is_said():
    weighed = tf.data.Dataset.from_tensor_slices((X, Y, np.ones(120))).batch(20)
    data = tfopt.load_data(weighed)
    assert differences(data, tfopt.load_data((X, Y))) == []
    assert "the weights of samples are left out: each counts the same" in data.notes


def test_a_model_trained_in_python_remembers_how_it_is_fed_and_asks_for_data_when_they_are_gone(tmp_path):
    config = tfopt.TrainConfig(arch="mlp", size="tiny", epochs=1)
    trained = tfopt.train(config, (X * 50, Y)).artifact
    pruned = tfopt.prune(trained, tfopt.PruneConfig(epochs=1), (X * 50, Y))
    assert pruned.report.measurements[1].accuracy
    assert pruned.report.data.source == "memory:arrays"
    assert not pruned.report.warnings or "scaled otherwise" not in pruned.report.warnings[0]
    found = tfopt.quantize(pruned.artifact, tfopt.QuantizeConfig(precision="dynamic")).report
    assert any("given in Python: without `data` none are used" in note for note in found.notes)
    changed = tfopt.evaluate(trained, (X[::-1] * 50, Y)).notes
    assert any("its test samples may have been trained on" in note for note in changed)


def endless():
    return tf.data.Dataset.from_tensor_slices((X, Y)).repeat()


WRONG = [
    (3, "`data` must be a name, a path"),
    ((X,), "not a tuple of 1"),
    ((X, Y, Y), "not a tuple of 3: each sample counts the same here, so there is no place for weights"),
    ({"x": X, "y": Y, "sample_weight": Y}, "`data` has sample_weight, but each sample counts the same here"),
    (((X, Y), Y), "must be (x, y) or ((x, y), (x_test, y_test))"),
    ((X, Y[:-1]), "`data`: x_train has 120 rows but y_train has 119"),
    (({"a": [[1, 2], [3]]}, [0, 1]), "x.a is no array: its rows have different lengths"),
    (([[1, 2], [3]], [0, 1]), "x is no array: its rows have different lengths"),
    ({"images": X, "labels": Y}, "`data` holds images, labels; it needs x_train"),
    (endless, "never ends"),
    (tf.data.Dataset.from_tensor_slices(X), "labels are needed"),
    (tf.data.Dataset.from_tensor_slices((np.zeros((20, 8, 8, 1)), np.zeros((20, 8, 8)))), "one image with its mask or"),
    (tf.data.Dataset.from_tensor_slices((X, Y)).take(0), "yields nothing"),
    (frame({"a": np.arange(20), "label": np.arange(19)}), "columns of different lengths: a 20, label 19"),
    (frame({"a": np.zeros(0)}), "has no rows"),
    (frame({"a": np.array([1.0, None] * 10, object), "label": Y[:20]}), "`data` has no value in line 2, column a"),
    ((np.where(X > 0.99, np.nan, X), Y), "values that are NaN"),
    (SimpleNamespace(columns=["a"]), "not SimpleNamespace"),
]


@pytest.mark.parametrize(("data", "words"), WRONG, ids=[words[:30] for _, words in WRONG])
def test_what_is_no_data_is_one_sentence(data, words):
    with pytest.raises(InputError, match=re.escape(words)) as raised:
        tfopt.load_data(data)
    assert "\n" not in str(raised.value)


def test_data_that_are_too_large_to_hold_are_refused(monkeypatch):
    monkeypatch.setattr("tfopt.data.python_data.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="has more than 0 GB, or no end: give a part of it"):
        tfopt.load_data(Batches())


def test_a_config_beside_a_name_is_refused():
    with pytest.raises(InputError, match="`config` is for data made in Python"):
        tfopt.load_data("digits", DataConfig(scale="unit"))


def test_a_name_of_data_in_memory_cannot_be_loaded(tfopt):
    ended = tfopt("train", "--data", "memory:arrays")
    assert (ended.code, "stands for data that were given in Python" in ended.err) == (2, True)


def test_a_regression_model_that_tfopt_has_not_made_answers_in_the_units_of_the_data():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    kernel = np.array([[100.0], [50.0], [0.0], [0.0], [0.0], [5.0]])
    model.set_weights([kernel, np.array([500.0])])
    report = tfopt.evaluate(model, data=(X, X @ kernel + 500))
    assert report.measurements[0].deviation.mae < 1e-3
    assert report.data.baseline.value > 10


def test_classes_that_are_words_are_told_to_a_model_that_does_not_remember_them():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    words = np.array(["wolf", "ape", "bear"])[Y]
    notes = tfopt.evaluate(model, data=(X, words)).notes
    assert f"{model.name} does not remember its classes: its outputs are ape, bear, wolf, in order" in notes
    trained = tfopt.train(tfopt.TrainConfig(epochs=1, size="tiny"), (X, words)).artifact
    assert not any("does not remember its classes" in note for note in tfopt.evaluate(trained, data=(X, words)).notes)
