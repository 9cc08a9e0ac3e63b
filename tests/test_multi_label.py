"""Samples with several labels, or none: how they are read, learnt, changed, measured and told."""

import csv
import json

import keras
import numpy as np
import pytest

import tfopt
from tfopt.data.config import DataConfig
from tfopt.errors import InputError
from tfopt.tasks.registry import rules_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6)).astype(np.float32)
Y = np.stack([X[:, 0] > 0, X[:, 1] + X[:, 2] > 0.5, X[:, 3] > 1], axis=1).astype(np.int64)
QUICK = {"epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def trained():
    return tfopt.train(tfopt.TrainConfig(arch="mlp", size="tiny", epochs=25, learning_rate=0.01), (X, Y))


def test_rows_of_0_and_1_that_are_not_one_hot_are_several_labels_and_a_note_says_so():
    data = tfopt.load_data((X, Y))
    assert (data.task, data.num_classes, data.train.y.shape[1]) == ("multi-label", 0, 3)
    assert any("taken as 3 labels" in note for note in data.notes)
    one_hot = np.eye(3, dtype=int)[np.arange(400) % 3]
    assert tfopt.load_data((X, one_hot)).task == "classification"
    assert tfopt.load_data((X, one_hot), DataConfig(task="multi-label")).task == "multi-label"
    assert tfopt.load_data((X, Y), DataConfig(task="regression")).task == "regression"
    with pytest.raises(InputError, match="needs rows of 0 and 1"):
        tfopt.load_data((X, Y * 2), DataConfig(task="multi-label"))


def test_columns_and_separated_words_of_a_table_are_the_same_labels(tmp_path):
    names = ("news", "sport", "weather")
    for name in ("columns.csv", "words.csv"):
        with (tmp_path / name).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["a", "b", *(names if name == "columns.csv" else ["label"])])
            for x, y in zip(X[:100], Y[:100], strict=True):
                words = "; ".join(word for word, one in zip(names, y, strict=True) if one)
                rows.writerow([*x[:2], *(y if name == "columns.csv" else [words])])
    columns = tfopt.load_data(DataConfig(source=str(tmp_path / "columns.csv"), label=",".join(names)))
    words = tfopt.load_data(DataConfig(source=str(tmp_path / "words.csv"), task="multi-label"))
    for found in (columns, words):
        assert (found.task, found.class_names, found.columns) == ("multi-label", names, ("a", "b"))
    assert np.array_equal(columns.train.y, words.train.y)
    with pytest.raises(InputError, match="columns of several labels hold 0 and 1"):
        tfopt.load_data(DataConfig(source=str(tmp_path / "columns.csv"), label="a,news"))


def test_each_label_is_right_or_wrong_and_those_of_a_sample_hang_together():
    rules = rules_of("multi-label")
    y = np.array([[1, 0], [0, 0]])
    shares = np.array([[0.9, 0.6], [np.nan, 0.2]])
    assert rules.scores(shares, y).tolist() == [True, False, False, True]
    assert rules.scores(shares - 0.5, y, probabilities=False).tolist() == [True, False, False, True]
    assert rules.clusters(y).tolist() == [0, 0, 1, 1]


def test_a_model_of_several_labels_is_trained_and_better_than_the_most_frequent(trained):
    report = trained.report
    [one] = report.measurements
    assert (one.accuracy.total, one.accuracy.value > 0.9) == (240, True)
    assert report.data.baseline.method == "what most samples have of each label"
    assert one.accuracy.low > report.data.baseline.value
    assert [figure.support for figure in one.classes.classes] == tfopt.load_data((X, Y)).test.y.sum(axis=0).tolist()
    assert one.classes.confusion is None
    model = trained.artifact.model
    assert (model.layers[-1].activation.__name__, type(keras.losses.get(model.loss)).__name__) == (
        "sigmoid", "BinaryCrossentropy",
    )  # fmt: skip


CONFIGS = [tfopt.PruneConfig(sparsity=0.3, teacher="self", **QUICK), tfopt.StructuredConfig(amount=0.25, **QUICK)]
SLOW = [
    tfopt.ClusterConfig(clusters=16, **QUICK),
    tfopt.QuantizeConfig(metric="macro-f1", max_drop="5%"),
    tfopt.BinarizeConfig(post_training=True, keep_first_last=False),
    tfopt.DistillConfig(student="mlp:tiny", epochs=2),
    tfopt.QatConfig(epochs=2),
]
ALL = [*CONFIGS, *(pytest.param(config, marks=pytest.mark.slow) for config in SLOW)]


@pytest.mark.parametrize("config", ALL, ids=lambda config: type(config).__name__)
def test_every_technique_takes_several_labels(config, trained):
    report = tfopt.Pipeline([config]).run(trained.artifact, (X, Y)).report
    assert report.passed
    [*_, after] = report.comparisons
    assert after.accuracy.clusters == 80


def test_predict_tells_each_label_with_its_probability(trained, tfopt, tmp_path):
    trained.artifact.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X[:3])
    ended = tfopt("predict", "model.keras", "--file", "x.npy", "--json")
    found = json.loads(ended.out)["predictions"]
    for one, y in zip(found, Y[:3], strict=True):
        assert set(one["labels"]) == {"0", "1", "2"}
        given = [label for label, share in one["labels"].items() if share > 0.5]
        assert one["answer"] == (", ".join(given) or "none")
        assert given == [str(at) for at in np.flatnonzero(y)]
    assert "probabilities" in tfopt("predict", "model.keras", "--file", "x.npy").out
