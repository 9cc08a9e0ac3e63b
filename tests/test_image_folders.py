"""Folders of images by class: what is read, what is refused, and that memory does not grow with their number."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfopt.data import lazy_arrays
from tfopt.data.calibration import InputSpec, load_calibration
from tfopt.data.config import DataConfig
from tfopt.data.lazy_images import LazyImages
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError
from tfopt.training.batches import evaluation_batches, training_batches


def image(path, value, shape=(6, 6, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(shape, value, np.uint8)
    encode = tf.io.encode_jpeg if path.suffix == ".jpg" else tf.io.encode_png
    path.write_bytes(encode(pixels).numpy())


@pytest.fixture
def root(tmp_path):
    """Dark cats and bright dogs."""
    for i in range(15):
        image(tmp_path / "r" / "cat" / f"{i:02}.png", i)
        image(tmp_path / "r" / "dog" / f"{i:02}.png", 200 + i)
    return tmp_path / "r"


def loaded(root, **options):
    return load(DataConfig(source=str(root), **options))


def test_each_folder_is_a_class_and_values_are_scaled_to_0_1(root):
    data = loaded(root)
    assert (data.kind, data.class_names, data.test.x.shape) == ("image", ("cat", "dog"), (6, 6, 6, 3))
    assert sum(len(split) for _, split in data.splits()) == 30
    np.testing.assert_array_equal(data.test.y, data.test.x.mean(axis=(1, 2, 3)) > 0.5)


def test_train_and_test_folders_are_kept_to(root):
    whole = root.rename(root.with_name("train"))
    top = whole.parent / "top"
    top.mkdir()
    whole.rename(top / "train")
    image(top / "test" / "dog" / "a.png", 7)
    data = loaded(top)
    assert (data.test.x * 255).round().max() == 7
    assert data.test.y.tolist() == [1]
    assert data.class_names == ("cat", "dog")


def test_sizes_and_modes_may_differ(root):
    image(root / "cat" / "wide.jpg", 90, (9, 20, 3))
    image(root / "cat" / "grey.png", 91, (12, 4, 1))
    image(root / "dog" / "clear.png", 92, (6, 6, 4))
    assert loaded(root).train.x.shape[1:] == (6, 6, 3)
    assert loaded(root, image_size=10).train.x.shape[1:] == (10, 10, 3)


def test_images_that_are_all_grey_stay_grey(tmp_path):
    for i in range(12):
        image(tmp_path / "r" / "ab"[i % 2] / f"{i}.png", i, (5, 7, 1))
    assert loaded(tmp_path / "r").train.x.shape[1:] == (5, 7, 1)


def test_hidden_files_and_links_that_lead_out_are_left_out(root, tmp_path):
    image(tmp_path / "outside.png", 55)
    (root / "cat" / ".DS_Store").write_bytes(b"x")
    (root / ".cache").mkdir()
    (root / "cat" / "link.png").symlink_to(tmp_path / "outside.png")
    assert sum(len(split) for _, split in loaded(root).splits()) == 30


@pytest.mark.parametrize("content", [b"only words", b"", b"\x89PNG\r\n\x1a\n cut off"])
def test_a_file_that_is_no_image_is_named(root, content):
    (root / "dog" / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match=r"dog/bad\.png is no image .* or is damaged"):
        loaded(root)


def test_files_that_lie_beside_images_are_left_out_and_the_report_says_so(root):
    (root / "dog" / "Thumbs.db").write_bytes(b"x")
    (root / "cat" / "labels.TXT").write_text("cat")
    data = loaded(root)
    assert sum(len(split) for _, split in data.splits()) == 30
    assert "2 files that are no images were left out, the first cat/labels.TXT" in data.notes


def test_one_class_no_class_and_no_image_are_refused(tmp_path):
    for i in range(12):
        image(tmp_path / "one" / "cat" / f"{i}.png", i)
    with pytest.raises(InputError, match=r"one class only \(cat\)"):
        loaded(tmp_path / "one")
    with pytest.raises(InputError, match="no folder of images for each class"):
        loaded(tmp_path / "one" / "cat")
    (tmp_path / "none" / "cat").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no image"):
        loaded(tmp_path / "none")


def test_classes_are_counted_as_the_model_remembers_them(root):
    data = load(DataConfig(source=str(root)), Preprocessor(class_names=("dog", "cat", "cow")))
    assert data.num_classes == 3
    np.testing.assert_array_equal(data.test.y, data.test.x.mean(axis=(1, 2, 3)) < 0.5)
    with pytest.raises(InputError, match="dog is a class that the model does not know: cat"):
        load(DataConfig(source=str(root)), Preprocessor(class_names=("cat", "cow")))


def test_images_that_are_too_many_to_hold_are_decoded_to_the_same_values(root, monkeypatch):
    image(root / "cat" / "large.jpg", 90, (30, 20, 3))
    held = loaded(root, scale="standard")
    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 0)
    lazy = loaded(root, scale="standard")
    assert isinstance(lazy.train.x, LazyImages)
    assert any("decoded from their files" in note for note in lazy.notes)
    for (_, one), (_, other) in zip(held.splits(), lazy.splits(), strict=True):
        assert one.x.shape == other.x.shape
        np.testing.assert_allclose(one.x, other.x[:], atol=1e-5)
        np.testing.assert_allclose(one.x[::-2], other.x[np.arange(len(one))[::-2]], atol=1e-5)
    batches = list(evaluation_batches(lazy.test.inputs, lazy.test.y, batch_size=4))
    np.testing.assert_allclose(np.concatenate([x for x, _ in batches]), held.test.x, atol=1e-5)


def test_a_model_trains_and_is_measured_on_images_that_are_not_held(root, monkeypatch):
    import tfopt

    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 0)
    result = tfopt.train(tfopt.TrainConfig(arch="cnn", epochs=5, width=4, learning_rate=0.01), str(root))
    assert result.report.measurements[0].accuracy.value == 1
    data = loaded(root)
    assert isinstance(data.test.rows(slice(1)).x, np.ndarray)
    [samples], _ = load_calibration(None, [InputSpec("input", (None, 6, 6, 3), "float32")], data, None, "m.keras")
    assert (type(samples), len(samples)) == (np.ndarray, len(data.calibration))


def _resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of this process from /proc")
def test_memory_does_not_grow_with_the_number_of_images(tmp_path, monkeypatch):
    image(tmp_path / "a.png", 1, (160, 160, 3))
    for label in "ab":
        (tmp_path / "r" / label).mkdir(parents=True)
        for i in range(1000):
            os.link(tmp_path / "a.png", tmp_path / "r" / label / f"{i}.png")
    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 1_000_000)
    before, most = _resident(), 0
    data = loaded(tmp_path / "r")
    batches = training_batches(data.train.inputs, data.train.y, batch_size=16, seed=0, first_epoch=0, epochs=1)
    for x, _ in batches:
        assert x.shape[1:] == (160, 160, 3)
        most = max(most, _resident() - before)
    assert 4 * np.prod(data.train.x.shape) > 350e6
    assert most < 150e6
