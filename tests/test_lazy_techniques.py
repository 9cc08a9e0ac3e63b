"""Techniques give the same bytes of data that are held and of data that are not."""

import numpy as np
import pytest

from tests.test_leaks import MAKERS, files
from tfopt.data import lazy_arrays
from tfopt.data.config import DataConfig
from tfopt.data.lazy_arrays import LazyArray
from tfopt.data.loader import load

NOW = {"int8", "train"}
COPIES = 3
WHOLE = 2500  # rows that nobody may fetch at once, of more than 3,000 to train on


@pytest.fixture(scope="module")
def pair(digits, tmp_path_factory):
    """The digits, held and not held."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    splits = [digits.train, digits.validation, digits.calibration]
    x, y = (np.concatenate([getattr(split, name) for split in splits] * COPIES) for name in "xy")
    np.savez(path, x_train=x, y_train=y, x_test=digits.test.x, y_test=digits.test.y)
    held = load(DataConfig(source=str(path)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy_arrays, "MOST_HELD", 0)
        return held, load(DataConfig(source=str(path)))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name not in NOW else name for name in MAKERS]
)
def test_a_technique_gives_the_same_bytes_and_never_fetches_a_whole_split(pair, monkeypatch, name):
    held, lazy = pair
    wanted = files(name, held)
    fetch = LazyArray.__getitem__

    def fetched(self, rows):
        found = fetch(self, rows)
        assert len(found) < WHOLE
        return found

    monkeypatch.setattr(LazyArray, "__getitem__", fetched)
    assert files(name, lazy) == wanted
