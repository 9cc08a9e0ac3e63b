"""Labels of an .npz file may be words or one-hot rows, as they come from other tools."""

import numpy as np
import pytest

from tests.test_data import npz
from tests.test_tables import config, written
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError

NAMES = np.array(["cat", "dog", "eel"])


def test_labels_that_are_words_are_classes_in_order(tmp_path):
    numbers = load(npz(tmp_path / "n.npz"))
    words = load(npz(tmp_path / "w.npz", y_train=NAMES[np.arange(60) % 3], y_test=NAMES[np.arange(20) % 3]))
    assert words.class_names == ("cat", "dog", "eel")
    for (_, one), (_, other) in zip(numbers.splits(), words.splits(), strict=True):
        np.testing.assert_array_equal(one.y, other.y)
    kept = load(words.config, Preprocessor(class_names=("eel", "dog", "cat")))
    np.testing.assert_array_equal(kept.test.y, 2 - words.test.y)


@pytest.mark.parametrize("kind", [np.float32, np.uint8, bool])
def test_one_hot_labels_are_classes_and_that_is_said(tmp_path, kind):
    numbers = load(npz(tmp_path / "n.npz"))
    rows = np.eye(3, dtype=kind)
    made = load(npz(tmp_path / "o.npz", y_train=rows[np.arange(60) % 3], y_test=rows[np.arange(20) % 3]))
    assert (made.task, made.num_classes) == ("classification", 3)
    np.testing.assert_array_equal(made.test.y, numbers.test.y)
    assert any("one-hot" in note for note in made.notes)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y_train": NAMES[np.arange(60) % 3], "y_test": np.array(["cow"] * 20)}, "y_test has the label 'cow'"),
        ({"y_train": NAMES[np.arange(60) % 3]}, "y_test has numbers, but y_train has words"),
        ({"y_train": np.array([""] * 60), "y_test": np.array(["cat"] * 20)}, "y_train has an empty label"),
        ({"y_train": np.ones((60, 3), int), "y_test": np.ones((20, 3), int)}, "every row of y_train has the same"),
        (
            {
                "y_train": NAMES[np.arange(60) % 3],
                "y_test": NAMES[np.arange(20) % 3],
                "x_train": np.full((60, 6, 6), np.nan),
            },
            "x_train has values that are NaN",
        ),
    ],
)
def test_what_are_no_labels_is_one_sentence(tmp_path, arrays, words):
    with pytest.raises(InputError, match=words):
        load(npz(tmp_path / "w.npz", **arrays))


@pytest.mark.parametrize("header", ["date,load,heat", "date,load,target"])
def test_a_table_of_dates_is_told_how_it_becomes_a_forecast(tmp_path, header):
    rows = "".join(f"2024-01-{i % 28 + 1:02} 0{i % 10}:00,{i % 7},{i}.5\n" for i in range(100))
    with pytest.raises(InputError, match=r"column date holds dates: for a forecast give `horizon`"):
        load(config(written(tmp_path / "t.csv", f"{header}\n{rows}")))
