"""Data that are not held: the same values, splits and models as of data that are, in little memory."""

import numpy as np
import pytest

import tfopt
from tests.lazy_sources import SOURCES
from tfopt.data import lazy_arrays
from tfopt.data.config import DataConfig
from tfopt.data.lazy_arrays import LazyArray
from tfopt.data.loader import load
from tfopt.tasks.registry import rules_for


def both(path, monkeypatch, **options):
    """The data as they are held, and as they are not."""
    config = DataConfig(source=str(path), **options)
    held = load(config)
    with monkeypatch.context() as patch:
        patch.setattr(lazy_arrays, "MOST_HELD", 0)
        return held, load(config)


@pytest.mark.parametrize("name", SOURCES)
def test_values_splits_and_figures_are_the_same(tmp_path, monkeypatch, name):
    path, options = SOURCES[name](tmp_path)
    held, lazy = both(path, monkeypatch, **options)
    assert isinstance(lazy.train.inputs[0], LazyArray)
    assert any("read from disk whenever they are needed" in note for note in lazy.notes)
    for (_, one), (_, other) in zip(held.splits(), lazy.splits(), strict=True):
        for x, y in zip((*one.inputs, one.y), (*other.inputs, other.y), strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            np.testing.assert_array_equal(x, y[:])
            np.testing.assert_array_equal(x[::-3], y[np.arange(len(y))[::-3]])
    assert (held.fingerprint, held.class_names) == (lazy.fingerprint, lazy.class_names)
    assert held.scaling.scale == lazy.scaling.scale
    np.testing.assert_allclose(held.scaling.mean, lazy.scaling.mean, rtol=1e-14)
    np.testing.assert_allclose(held.scaling.deviation, lazy.scaling.deviation, rtol=1e-14)
    assert rules_for(held).baseline(held) == pytest.approx(rules_for(lazy).baseline(lazy))


@pytest.mark.parametrize("name", ["images in an npz", "a csv, a column to predict"])
def test_a_model_is_trained_to_the_same_weights(tmp_path, monkeypatch, name):
    path, options = SOURCES[name](tmp_path)
    config = tfopt.TrainConfig(arch="mlp", size="tiny", epochs=3)
    held, lazy = (tfopt.train(config, data) for data in both(path, monkeypatch, **options))
    for one, other in zip(held.artifact.model.get_weights(), lazy.artifact.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
