"""The rules of segmentation and image to image: scores, clusters, baselines, what fits; and that memory is spared."""

import tracemalloc

import numpy as np
import pytest

import tfopt
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError
from tfopt.evaluation.intervals import cluster_sizes, design_effect, totals
from tfopt.evaluation.statistics import accuracy, accuracy_change
from tfopt.tasks.compatibility import ModelPorts, match
from tfopt.tasks.registry import rules_of

PIXELS, IMAGES = rules_of("segmentation"), rules_of("image-to-image")


@pytest.fixture(scope="module")
def shapes():
    return load(DataConfig(source="shapes"))


def test_each_pixel_is_right_or_wrong_and_one_that_is_not_finite_is_wrong():
    outputs = np.zeros((1, 2, 2, 3))
    outputs[0, 0, 0, 1] = outputs[0, 0, 1, 2] = outputs[0, 1, 0, 0] = 1
    outputs[0, 1, 1] = np.nan
    assert PIXELS.scores(outputs, np.array([[[1, 1], [0, 0]]])).tolist() == [True, False, True, False]
    binary = np.array([0.9, 0.2]).reshape(1, 1, 2, 1)
    assert PIXELS.scores(binary, np.array([[[1, 1]]])).tolist() == [True, False]
    assert PIXELS.clusters(np.zeros((3, 2, 1))).tolist() == [0, 0, 1, 1, 2, 2]


def test_the_error_of_an_image_is_the_mean_of_its_pixels():
    y = np.zeros((2, 2, 2, 1))
    found = IMAGES.scores(np.array([[1, 1, 0, 0], [np.inf, 0, 0, 0]]).reshape(2, 2, 2, 1), y)
    assert found.tolist() == [0.5, np.inf]


def test_pixels_of_one_image_count_as_one_where_all_are_alike():
    right = np.repeat([True, False, True, True], 1000)
    images = PIXELS.clusters(np.zeros((4, 100, 10)))
    assert accuracy(right, images).high - accuracy(right, images).low > 0.6
    assert accuracy(right).high - accuracy(right).low < 0.03
    change = accuracy_change("a", right, np.ones(4000, bool), images, "images")
    assert (change.clusters, change.clustered, change.p_value) == (4, "images", 1.0)


def test_sums_by_piece_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    values, clusters = rng.random(2_500_000) < 0.3, np.sort(rng.integers(0, 50, 2_500_000)).astype(np.int32)
    np.testing.assert_allclose(totals(values, clusters), np.bincount(clusters, weights=values))
    assert np.array_equal(cluster_sizes(clusters), np.bincount(clusters))
    assert design_effect(values, clusters) == pytest.approx(1, abs=0.5)


def test_the_scores_of_many_pixels_take_few_bytes_each():
    count = 500 * 128 * 128
    right, images = np.random.default_rng(0).random((500, 128 * 128)) < 0.9, PIXELS.clusters(np.zeros((500, 128, 128)))
    tracemalloc.start()
    accuracy_change("a", right.reshape(-1), ~right.reshape(-1), images, "images")
    accuracy(right.reshape(-1), images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.nbytes == 4 * count
    assert peak < 8 * count


def test_the_pixels_of_many_images_are_scored_in_parts():
    outputs = np.random.default_rng(0).random((300, 32, 32, 4), np.float32)
    y = np.random.default_rng(1).integers(0, 4, (300, 32, 32)).astype(np.uint8)
    tracemalloc.start()
    right = PIXELS.scores(outputs, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(right, (outputs.argmax(axis=-1) == y).reshape(-1))
    assert peak < outputs.nbytes


def test_without_a_model_every_pixel_is_the_most_frequent_class(shapes):
    method, value = PIXELS.baseline(shapes)
    assert (method, value) == ("every pixel background", pytest.approx((shapes.test.y == 0).mean()))


def test_without_a_model_an_image_is_the_mean_one_or_the_input_as_it_is():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 4, 4, 1)).astype(np.uint8)
    noisy = tfopt.load_data((x, np.clip(x + rng.normal(0, 3, x.shape), 0, 255).astype(np.uint8)))
    method, value = IMAGES.baseline(noisy)
    assert (method, value) == ("the input as it is", pytest.approx(np.abs(noisy.test.x - noisy.test.y).mean()))
    own = load(DataConfig(target="inputs"), content={"x": np.where(x < 20, 255, 0).astype(np.uint8)})
    assert IMAGES.baseline(own)[0] == "the median image of the train split"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            (None, 3),
            r"gives outputs of shape \(3,\); shapes has masks of 32x32 pixels, so \(32, 32, 3\) would be right",
        ),
        ((None, 16, 16, 3), r"gives outputs of shape \(16, 16, 3\)"),
        ((None, 32, 32, 1), "shapes has the label 2 in its masks, out of range for m: it has 2 classes"),
    ],
)
def test_a_model_for_something_else_is_refused(shapes, output, words):
    with pytest.raises(InputError, match=words):
        match(shapes, "m", ModelPorts([(None, 32, 32, 1)], [output]))


def test_a_model_of_images_of_any_size_fits(shapes):
    assert match(shapes, "m", ModelPorts([(None, None, None, 1)], [(None, None, None, 5)])) is shapes
