"""The rules of segmentation and image to image: scores, clusters, baselines, what fits; and that memory is spared."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import tfopt
from tfopt.core.provenance import data_provenance
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.scaling import Scaling
from tfopt.errors import InputError, OutputError, UnsupportedError
from tfopt.evaluation.intervals import cluster_sizes, design_effect, totals
from tfopt.evaluation.pictures import answer_with_images, answer_with_masks
from tfopt.evaluation.prediction import predict
from tfopt.evaluation.statistics import accuracy, accuracy_change
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.provenance import Provenance
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.tasks.compatibility import ModelPorts, match
from tfopt.tasks.registry import rules_of
from tfopt.training.augmentation import make_augmentation
from tfopt.training.batches import training_batches
from tfopt.training.config import TrainConfig
from tfopt.training.head_replacement import with_new_head
from tfopt.training.train import train

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


@pytest.fixture(scope="module")
def trained(shapes):
    """A small U-Net after an epoch on few of the shapes."""
    few = replace(shapes, train=shapes.train.rows(slice(64)), validation=shapes.validation.rows(slice(16)))
    config = TrainConfig(width=4, depth=1, epochs=1, augment=("flip", "rotate", "crop"))
    return KerasArtifact.from_model(train(config, few, Silent()).model, "m.keras", data_provenance(shapes))


def test_a_mask_moves_as_its_image_does_and_gets_no_class_that_was_not_there():
    mask = np.zeros((60, 16, 16), np.uint8)
    mask[:, 3:9, 4:12] = 2
    augment = make_augmentation(("flip", "crop", "rotate"), "image", mask[..., None] * 0.5, "masks")
    [images], masks = augment(
        [tf.constant(mask[..., None], tf.float32)], tf.constant(mask), tf.constant([3, 5], tf.int64)
    )
    assert set(np.unique(masks)) == {0, 2}
    assert masks.dtype == tf.uint8
    moved = np.any(masks.numpy() != mask, axis=(1, 2))
    assert moved.mean() > 0.9
    assert np.mean((images.numpy()[..., 0] > 1) == (masks.numpy() == 2)) > 0.99


def test_weights_of_samples_reach_every_pixel(monkeypatch):
    y, x = np.arange(5)[:, None, None] * np.ones((5, 3, 2)), np.zeros((5, 3, 2, 1))
    batches = training_batches([x], y, batch_size=5, seed=0, first_epoch=0, epochs=1, sample_weights=np.arange(5))
    [(_, targets, weights)] = list(batches)
    assert np.array_equal(np.broadcast_to(weights, targets.shape), targets)


def test_a_segmentation_predicts_shares_of_classes_and_writes_masks(trained, shapes, tmp_path):
    images = shapes.scaling.inverse(shapes.test.x[:3])
    found = predict(trained, images, output=tmp_path / "masks")
    assert [one.file for one in found.predictions] == [str(tmp_path / "masks" / f"sample-{i}.png") for i in (1, 2, 3)]
    for one, outputs in zip(found.predictions, trained.predict((shapes.test.x[:3],)), strict=True):
        mask = tf.io.decode_png(tf.io.read_file(one.file)).numpy()[..., 0]
        assert np.array_equal(mask, outputs.argmax(axis=-1))
        assert sum(one.shares.values()) == pytest.approx(1)
        assert one.shares.get("circle", 0) == pytest.approx((mask == 1).mean())
    with pytest.raises(OutputError, match=r"sample-1\.png exists"):
        predict(trained, images, output=tmp_path / "masks")


def test_the_masks_of_a_model_have_the_values_that_it_was_taught(tmp_path):
    memory = Provenance(class_names=("0", "255"), task="segmentation")
    outputs = np.eye(2)[np.array([[[0, 1], [1, 1]]])]
    [found] = answer_with_masks(memory, ["a b/photo.jpg"], outputs, tmp_path, probabilities=True, force=False)
    assert found.answer == "255 75.0%, 0 25.0%"
    assert tf.io.decode_png(tf.io.read_file(str(tmp_path / "photo.png"))).numpy()[..., 0].tolist() == [
        [0, 255],
        [255, 255],
    ]


def test_images_that_had_8_bits_are_written_with_8_bits_and_others_as_numbers(tmp_path):
    image = np.array([[[[0.5]], [[2.0]]]])
    unit = Provenance(targets=Scaling(scale="unit", deviation=255), task="image-to-image")
    [found] = answer_with_images(unit, ["a.png"], image, tmp_path, force=False)
    assert found.answer == "values from 127.5 to 510, mean 318.8"
    assert tf.io.decode_png(tf.io.read_file(found.file)).numpy().reshape(-1).tolist() == [128, 255]
    [found] = answer_with_images(Provenance(task="image-to-image"), ["a.png"], image, tmp_path, force=False)
    assert np.load(found.file).reshape(-1).tolist() == [0.5, 2.0]


def test_a_trained_segmentation_gets_a_new_head_for_other_classes(trained):
    signature = Signature("image", "segmentation", ((32, 32, 1),), (32, 32, 7))
    model = with_new_head(trained.model, signature, "m.keras")
    assert (model.output_shape, model.layers[-2]) == ((None, 32, 32, 7), trained.model.layers[-2])
    with pytest.raises(UnsupportedError, match="no features of each of 16x16 pixels, which segmentation needs"):
        with_new_head(trained.model, Signature("image", "segmentation", ((32, 32, 1),), (16, 16, 7)), "m.keras")
