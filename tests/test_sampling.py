"""Where only some samples are looked at, they are a fair sample: never the first of a source that is sorted."""

import keras
import numpy as np
import pytest

from tests.test_tables import config, written
from tfopt.data.calibration import InputSpec, load_calibration
from tfopt.data.dataset import Split
from tfopt.data.loader import load
from tfopt.evaluation.evaluator import Evaluator
from tfopt.shootouts.callbacks import GradientNorms
from tfopt.tasks.registry import rules_of

LABELS = np.repeat(np.arange(10), 300)  # sorted, as a folder with a folder for each class is


def marked(labels):
    """A split whose samples say which class they are of."""
    return Split.of(labels[:, None].astype(np.float32), labels)


def test_a_sample_has_each_class_in_its_share_and_is_the_same_again():
    sample = marked(LABELS).sample(32)
    assert np.bincount(sample.y).tolist() == pytest.approx([3] * 10, abs=1.5)
    np.testing.assert_array_equal(sample.x[:, 0], sample.y)
    np.testing.assert_array_equal(sample.y, marked(LABELS).sample(32).y)
    rare = marked(np.repeat([0, 1], [990, 10])).sample(500)
    assert (rare.y == 1).sum() in range(4, 8)
    assert set(marked(np.repeat([0, 1], [990, 10])).sample(2).y) == {0, 1}
    assert len(marked(LABELS).sample(5000)) == 3000


def test_a_sample_of_amounts_or_windows_is_of_the_whole_span():
    steps = np.arange(1000, dtype=np.float32)[:, None]
    sample = Split.of(steps, steps).sample(50)
    assert sample.y.min() < 100
    assert sample.y.max() > 900


def test_a_validation_split_of_the_source_is_shuffled(tmp_path):
    parts = ["train"] * 60 + ["val"] * 60 + ["test"] * 60
    lines = [f"{i},{i // 20 % 3},{part}" for i, part in enumerate(parts)]
    data = load(config(written(tmp_path / "t.csv", "\n".join(["amount,label,split", *lines]))))
    assert len(data.validation) == 60
    assert set(data.validation.y[:12]) == {0, 1, 2}


def test_a_mean_loss_is_that_of_all_classes():
    layer = keras.layers.Dense(10, activation="softmax", name="classes")
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.set_weights([np.zeros((1, 10)), np.eye(10)[0] * 20])  # it always says class 0
    evaluator = Evaluator((LABELS[:, None].astype(np.float32),), LABELS, rules_of("classification"), "sorted")
    assert evaluator.loss(model)() == pytest.approx(0.9 * 20, rel=0.1)


def test_gradients_and_samples_to_calibrate_on_are_of_all_classes(digits):
    assert set(GradientNorms(marked(LABELS), "classification").samples.y) == set(range(10))
    order = np.argsort(digits.train.y, kind="stable")
    data = digits.__class__(**{**vars(digits), "train": digits.train.rows(order)})
    count = len(data.calibration) + 30
    [x], _ = load_calibration(count, [InputSpec("image", (None, 8, 8, 1), "float32")], data, None, "m.keras")
    added = [data.train.y[(data.train.x == sample).all(axis=(1, 2, 3))][0] for sample in x[-30:]]
    assert len(set(added)) == 10
