"""`tfds:NAME`, with a module in place of tensorflow_datasets: its own code is not run here."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError


def pretended(samples, names=("no", "yes"), splits=("train", "test")):
    label = SimpleNamespace(names=names)
    info = SimpleNamespace(features={"label": label}, supervised_keys=("x", "label"))
    return SimpleNamespace(
        load=lambda name, as_supervised, with_info: (dict.fromkeys(splits, samples), info), as_numpy=lambda split: split
    )


def test_texts_and_images_with_labels_are_read(monkeypatch):
    texts = [(f"word {i}".encode(), i % 2) for i in range(40)]
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", pretended(texts))
    data = load(DataConfig(source="tfds:glue/sst2"))
    assert (data.kind, data.class_names, len(data.test)) == ("tokens", ("no", "yes"), 40)
    images = [(np.full((5 + i % 2, 5, 3), i, np.uint8), i % 2) for i in range(40)]
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", pretended(images, splits=("train",)))
    data = load(DataConfig(source="tfds:beans"))
    assert (data.kind, data.train.x.shape[1:], len(data.test)) == ("image", (5, 5, 3), 8)


def test_without_the_package_or_with_samples_of_another_kind_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match=r"pip install 'tfopt\[tfds\]'"):
        load(DataConfig(source="tfds:beans"))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", pretended([({"a": 1}, 0)] * 20))
    with pytest.raises(InputError, match="neither images nor texts"):
        load(DataConfig(source="tfds:beans"))
