"""Masks and images as labels: what arrays are taken for, which values are classes, and what is refused."""

import numpy as np
import pytest

import tfopt
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 6, 5, 3)).astype(np.uint8)
MASKS = RNG.integers(0, 3, (40, 6, 5)).astype(np.uint8)
GREY = X.mean(axis=-1, keepdims=True).astype(np.uint8)


def loaded(x, y, **options):
    return tfopt.load_data((x, y), DataConfig(**options))


def labels(data):
    """All labels of a data set that was given whole, in any order."""
    return np.concatenate(
        [np.asarray(getattr(data, name).y) for name in ("train", "validation", "calibration", "test")]
    )


def test_whole_numbers_for_each_pixel_are_masks_and_that_is_said():
    for y in (MASKS, MASKS[..., np.newaxis], MASKS.astype(np.float32)):
        data = loaded(X, y)
        assert (data.task, data.num_classes, data.class_names) == ("segmentation", 3, None)
        assert (data.train.y.shape[1:], data.train.y.dtype) == ((6, 5), np.uint8)
        assert any("3 whole numbers as classes of pixels: `task` segmentation" in note for note in data.notes)
    assert np.array_equal(np.sort(labels(data), axis=None), np.sort(MASKS, axis=None))


def test_values_such_as_0_and_255_are_classes_named_after_them():
    data = loaded(X, np.where(MASKS == 1, 255, 0))
    assert (data.num_classes, data.class_names) == (2, ("0", "255"))
    assert "the values 0 and 255 of the masks are the classes 0 to 1" in data.notes
    assert labels(data).mean() == (MASKS == 1).mean()
    assert loaded(X, MASKS == 1).class_names is None


def test_a_model_that_knows_the_values_of_masks_gives_them_the_classes_it_learnt():
    memory = Preprocessor(class_names=("0", "128", "255"))
    data = load(DataConfig(), memory, {"x": X, "y": np.where(MASKS == 1, 255, 0)})
    assert (data.num_classes, sorted(np.unique(labels(data)))) == (3, [0, 2])
    with pytest.raises(InputError, match=r"y_train has the value 7 in image 3, which is no class: 0, 128, 255"):
        load(
            DataConfig(), memory, {"x": X, "y": np.where(np.arange(40) == 2, 7, 0)[:, None, None] * np.ones((1, 6, 5))}
        )


def test_one_hot_masks_are_masks():
    data = loaded(X, np.eye(3)[MASKS])
    assert (data.task, data.num_classes) == ("segmentation", 3)
    assert "one-hot masks of 3 channels are taken as 3 classes" in data.notes


def test_other_numbers_are_images_to_be_made_scaled_as_images_are():
    data = loaded(X, GREY)
    assert (data.task, data.train.y.shape[1:], data.train.y.dtype) == ("image-to-image", (6, 5, 1), np.float32)
    assert (data.targets.scale, data.targets.deviation, labels(data).max()) == (
        "unit",
        255,
        np.float32(GREY.max() / 255),
    )
    assert loaded(X, GREY, scale="signed").targets.mean == 127.5
    floats = loaded(X, GREY * 0.1)
    assert (floats.task, floats.targets.scale, floats.scaling.scale) == ("image-to-image", "none", "unit")
    assert loaded(X, MASKS, task="image-to-image").task == "image-to-image"


@pytest.mark.parametrize("of", ["digits", "arrays"])
def test_inputs_as_targets_make_an_autoencoder_whatever_labels_there_are(of):
    config = DataConfig(target="inputs")
    data = load(config) if of == "digits" else load(config, content={"x": X})
    assert (data.task, data.targets) == ("image-to-image", data.scaling)
    assert np.array_equal(data.test.y, data.test.x)
    assert data.class_names is None


def test_rows_of_numbers_as_their_own_targets_are_a_regression_in_the_units_they_are_fed_in():
    data = load(DataConfig(source="diabetes", target="inputs"))
    assert (data.task, data.targets, data.targets.scale) == ("regression", data.scaling, "standard")
    assert np.array_equal(data.train.y, data.train.x)


def test_images_of_two_axes_have_targets_with_a_channel():
    data = load(DataConfig(target="inputs"), content={"x": X[..., 0]})
    assert (data.train.x.shape[1:], data.train.y.shape[1:]) == ((6, 5), (6, 5, 1))


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (X, MASKS[:, :4], {}, "x_train has images of 6x5 pixels, but y_train masks of 4x5; they must be of the same"),
        (X, np.arange(1200).reshape(MASKS.shape), {"task": "segmentation"}, "more than 256 values and is no mask but"),
        (X, X, {"task": "segmentation"}, "y_train has 3 channels and is no mask but pictures"),
        (X, MASKS * 0.5, {"task": "segmentation"}, "y_train has values that are no class indices"),
        (X, MASKS.astype(int) - 1, {}, "y_train has the label -1; labels of pixels are class indices"),
        (X, MASKS * 0, {}, "there is one class only to train on"),
        (X, MASKS[:, 0, 0], {"task": "segmentation"}, r"y_train has shape \(40,\) .* needs masks \(N, height, width\)"),
        (X, MASKS[:, 0, 0], {"task": "image-to-image"}, r"y_train has shape \(40,\) .* needs images"),
        (X[:, 0, :, 0], MASKS, {"task": "segmentation"}, r"x_train has shape \(40, 5\); images .* to learn masks"),
        (X, GREY * np.nan, {}, "y_train has values that are NaN"),
        (X[:, 0, :, 0] > 0, MASKS, {"target": "age"}, "`target` is a column of a series, or inputs for an autoencoder"),
    ],
)
def test_what_are_no_masks_or_images_is_one_sentence(x, y, options, words):
    with pytest.raises(InputError, match=words):
        loaded(x, y, **options)


def test_texts_are_no_targets_of_themselves():
    with pytest.raises(InputError, match="is for images and rows of numbers; the samples of phrases are tokens"):
        load(DataConfig(source="phrases", target="inputs"))


def test_a_label_of_the_test_split_that_nobody_was_taught_is_refused():
    arrays = {"x_train": X, "y_train": MASKS, "x_test": X, "y_test": MASKS + 1}
    with pytest.raises(InputError, match="y_test has the label 3, but y_train only goes up to 2"):
        tfopt.load_data(arrays)


def test_the_bundled_shapes_have_three_classes_and_are_the_same_each_time():
    data, again = load(DataConfig(source="shapes")), load(DataConfig(source="shapes"))
    assert (data.task, data.class_names) == ("segmentation", ("background", "circle", "square"))
    assert data.fingerprint == again.fingerprint
    shares = np.bincount(data.train.y.reshape(-1)) / data.train.y.size
    assert 0.05 < shares[1] < 0.2
    assert 0.05 < shares[2] < 0.2
