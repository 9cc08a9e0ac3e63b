"""Folders of images and masks: pairs by name, values as classes, splits by folders, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from tfopt.data import lazy_arrays
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError
from tfopt.training.batches import training_batches


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(np.asarray(pixels, np.uint8)).numpy())


def pair(folder, name, value=255, size=6):
    """A bright half, which the mask says."""
    image, mask = np.zeros((size, size, 3)), np.zeros((size, size, 1))
    half = size // 2
    image[:half] = 200
    mask[:half] = value
    write(folder / "images" / f"{name}.png", image)
    write(folder / "masks" / f"{name}.png", mask)


@pytest.fixture
def root(tmp_path):
    for i in range(15):
        pair(tmp_path / "r", f"{i:02}")
    return tmp_path / "r"


def loaded(root, **options):
    return load(DataConfig(source=str(root), **options))


def test_values_of_masks_are_classes_where_the_image_is(root):
    data = loaded(root)
    assert (data.task, data.class_names, data.train.y.dtype) == ("segmentation", ("0", "255"), np.uint8)
    for _, split in data.splits():
        assert np.array_equal(split.y == 1, split.x[..., 0] > 0.5)


def test_colours_are_classes_too_and_indices_stay_what_they_are(tmp_path, root):
    red = np.zeros((6, 6, 3))
    red[2:, :, 0] = 255
    write(root / "masks" / "03.png", red)
    assert loaded(root).class_names == ("0", "#ff0000", "255")
    for i in range(15):
        pair(tmp_path / "k", str(i), value=2)
    assert loaded(tmp_path / "k").class_names == ("0", "1", "2")


def test_folders_say_the_splits(tmp_path):
    for part, count in (("train", 12), ("val", 3), ("test", 4)):
        for i in range(count):
            pair(tmp_path / "r" / part, f"{part}{i}")
    data = loaded(tmp_path / "r")
    assert (len(data.test), len(data.validation), len(data.train) + len(data.calibration)) == (4, 3, 12)


def test_many_masks_are_decoded_when_they_are_needed_and_resized_without_new_classes(root, monkeypatch):
    held = loaded(root, image_size=9)
    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 0)
    data = loaded(root, image_size=9)
    assert not isinstance(data.train.y, np.ndarray)
    assert np.array_equal(np.asarray(data.train.y), held.train.y)
    assert (data.fingerprint != held.fingerprint, set(np.unique(held.train.y))) == (True, {0, 1})
    [(_, y)] = training_batches(data.train.inputs, data.train.y, batch_size=64, seed=0, first_epoch=0, epochs=1)
    assert y.shape == (len(data.train), 9, 9)
    assert any("and their masks, are decoded from their files" in note for note in data.notes)


def test_a_model_that_knows_its_classes_gives_them_the_same_indices(root):
    data = load(DataConfig(source=str(root)), Preprocessor(class_names=("0", "128", "255")))
    assert set(np.unique(data.train.y)) == {0, 2}
    with pytest.raises(InputError, match="has the value 255, which is no class: 0, 128"):
        load(DataConfig(source=str(root)), Preprocessor(class_names=("0", "128")))


@pytest.mark.parametrize("wrong", ["missing", "size", "picture", "one class", "damaged", "task"])
def test_what_is_wrong_is_named(root, wrong):
    mask = root / "masks" / "07.png"
    options, words = (
        {},
        {
            "missing": r"07\.png has no mask: .*masks holds no 07\.png",
            "size": r"07\.png has 3x6 pixels, but .*07\.png 6x6: a mask has the size of its image",
            "picture": r"07\.png has 400 colours and is no mask but a picture",
            "one class": r"the masks have one class only \(0\)",
            "damaged": r"07\.png is no image",
            "task": "`task` regression does not suit",
        }[wrong],
    )
    match wrong:
        case "missing":
            mask.unlink()
        case "size":
            write(mask, np.zeros((3, 6, 1)))
        case "picture":
            write(root / "images" / "07.png", np.zeros((20, 20, 3)))
            columns = np.mgrid[:20, :20]
            write(mask, np.stack([*columns, columns[0] * 0], axis=-1))
        case "one class":
            for path in (root / "masks").iterdir():
                write(path, np.zeros((6, 6, 1)))
        case "damaged":
            mask.write_bytes(b"no picture")
        case "task":
            options = {"task": "regression"}
    with pytest.raises(InputError, match=words):
        loaded(root, **options)
