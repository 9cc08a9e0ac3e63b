"""Calibration samples are what was asked for, and fit the model and its training data."""

from dataclasses import replace

import numpy as np
import pytest

from tfopt.data.calibration import InputSpec, load_calibration
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.scaling import Scaling
from tfopt.errors import InputError

IMAGE = [InputSpec("image", (None, 8, 8, 1), "float32")]


def test_a_number_begins_with_one_sample_of_each_class(digits):
    [x], _ = load_calibration(10, IMAGE, digits, None, "m.keras")
    rows = [np.flatnonzero((digits.calibration.x == sample).all(axis=(1, 2, 3)))[0] for sample in x]
    assert sorted(digits.calibration.y[rows]) == list(range(10))


def test_a_larger_number_takes_training_samples_and_never_test_samples(digits):
    [x], notes = load_calibration(500, IMAGE, digits, None, "m.keras")
    assert len(x) == 500
    assert "train" in notes[0]
    test = {sample.tobytes() for sample in digits.test.x}
    allowed = {sample.tobytes() for split in (digits.calibration, digits.train) for sample in split.x}
    assert not ({sample.tobytes() for sample in x} & test) - allowed
    with pytest.raises(InputError, match="more samples than"):
        load_calibration(10_000, IMAGE, digits, None, "m.keras")


def test_missing_classes_are_told(digits):
    few = replace(digits, calibration=type(digits.calibration).of(digits.calibration.x[:3], digits.calibration.y[:3]))
    _, notes = load_calibration(None, IMAGE, few, None, "m.keras")
    assert any("have no sample to calibrate on" in note for note in notes)


def test_files_hold_an_array_for_each_input(tmp_path):
    inputs = [InputSpec("left", (None, 3), "float32"), InputSpec("right", (None, 2), "int32")]
    np.savez(tmp_path / "c.npz", right=np.ones((4, 2), int), left=np.zeros((4, 3)))
    left, right = load_calibration(tmp_path / "c.npz", inputs, None, None, "m.keras").arrays
    assert (left.shape, right.shape) == ((4, 3), (4, 2))
    np.savez(tmp_path / "c.npz", left=np.zeros((4, 3)))
    with pytest.raises(InputError, match="no array for right"):
        load_calibration(tmp_path / "c.npz", inputs, None, None, "m.keras")


def test_a_folder_of_images_is_scaled_as_the_model_was_trained(tmp_path):
    import tensorflow as tf

    for value in (0, 255):
        image = tf.io.encode_png(np.full((16, 16, 1), value, np.uint8)).numpy()
        (tmp_path / f"{value}.png").write_bytes(image)
    memory = Preprocessor(scaling=Scaling(scale="unit", deviation=255))
    [x], _ = load_calibration(tmp_path, IMAGE, None, memory, "m.keras")
    assert x.shape == (2, 8, 8, 1)
    assert sorted(x.mean(axis=(1, 2, 3))) == [0, 1]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 8, 9, 1), np.float32), r"have shape \(8, 9, 1\)"),
        (np.zeros((0, 8, 8, 1), np.float32), "is empty"),
        (np.full((4, 8, 8, 1), np.nan, np.float32), "NaN"),
        (np.full((4, 8, 8, 1), 255, np.float32), "not scaled as it was trained"),
        (np.full((4, 8, 8, 1), "a"), "numbers are needed"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path, digits, array, words):
    np.save(tmp_path / "c.npy", array)
    with pytest.raises(InputError, match=words):
        load_calibration(tmp_path / "c.npy", IMAGE, digits, None, "m.keras")


def test_a_damaged_file_and_a_folder_without_images_are_refused(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK\3\4 no")
    with pytest.raises(InputError, match="damaged"):
        load_calibration(tmp_path / "c.npz", IMAGE, None, None, "m.keras")
    with pytest.raises(InputError, match="no image"):
        load_calibration(tmp_path, IMAGE, None, None, "m.keras")
    with pytest.raises(InputError, match="does not exist"):
        load_calibration(tmp_path / "none.npz", IMAGE, None, None, "m.keras")
