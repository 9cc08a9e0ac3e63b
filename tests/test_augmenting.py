import numpy as np
import pytest
import tensorflow as tf

from tfopt.errors import InputError
from tfopt.training.augmentation import add_noise, make_augmentation, mixup, transform_images
from tfopt.training.batches import training_batches

KEY = tf.constant([3, 5], tf.int64)
IMAGE = np.arange(1, 26, dtype="float32").reshape(1, 5, 5, 1)


def test_a_flip_mirrors_about_half_of_the_images_and_changes_nothing_else():
    images = np.repeat(IMAGE, 200, axis=0)
    found = transform_images(tf.constant(images), KEY, ("flip",)).numpy()
    mirrored = np.isclose(found, images[:, :, ::-1]).all(axis=(1, 2, 3))
    same = np.isclose(found, images).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 70 < mirrored.sum() < 130


def test_a_crop_moves_the_picture_by_up_to_an_eighth():
    images = np.zeros((100, 16, 16, 1), "float32")
    images[:, 8, 8] = 1
    found = transform_images(tf.constant(images), KEY, ("crop",)).numpy()[..., 0]
    rows = (found.sum(axis=2) * np.arange(16)).sum(axis=1)
    assert np.abs(rows - 8).max() <= 2.001
    assert np.ptp(rows) > 2
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, rtol=1e-4)


def test_a_crop_moves_by_whole_pixels_so_that_nothing_is_blurred():
    images = np.zeros((100, 16, 16, 1), "float32")
    images[:, 8, 8] = 1
    found = transform_images(tf.constant(images), KEY, ("crop", "flip")).numpy()
    np.testing.assert_allclose(np.sort(found.ravel())[-100:], 1, rtol=1e-4)


def test_what_a_crop_bares_is_a_reflection_and_no_edge():
    bright = tf.ones((50, 16, 16, 3))
    np.testing.assert_allclose(transform_images(bright, KEY, ("crop", "rotate")), bright, rtol=1e-4)


def test_a_turn_keeps_the_centre_and_moves_the_corners():
    found = transform_images(tf.constant(np.repeat(IMAGE, 50, axis=0)), KEY, ("rotate",)).numpy()
    np.testing.assert_allclose(found[:, 2, 2], 13, rtol=1e-5)
    assert found[:, 0, 0].std() > 0.2


def test_grey_images_without_a_channel_axis_keep_their_shape():
    assert transform_images(tf.constant(IMAGE[..., 0]), KEY, ("crop", "flip")).shape == (1, 5, 5)


def test_noise_has_the_stated_deviation_and_hits_words_but_no_padding():
    noise = add_noise(tf.zeros((100, 100)), KEY, 0.3).numpy()
    assert noise.std() == pytest.approx(0.3, rel=0.05)
    ids = np.tile([7, 8, 0, 0], (500, 1))
    found = add_noise(tf.constant(ids), KEY, 0.0).numpy()
    assert (found[:, 2:] == 0).all()
    changed = found[:, :2] != ids[:, :2]
    assert (found[:, :2][changed] == 1).all()
    assert changed.mean() == pytest.approx(0.1, abs=0.03)


def test_mixup_blends_samples_and_labels_with_the_same_share():
    x, y = np.array([[0.0], [1.0]], "float32"), np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    found, labels = mixup(tf.constant(x), tf.constant(y), KEY)
    np.testing.assert_allclose(found[:, 0], labels[:, 1], rtol=1e-6)
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("wanted", "kind"), [(("flip",), "tokens"), (("crop", "noise"), "series"), (("mixup",), "pairs")]
)
def test_what_does_not_suit_the_data_is_refused_and_what_does_is_told(wanted, kind):
    with pytest.raises(InputError, match=f"{wanted[0]} is not for {kind}: noise"):
        make_augmentation(wanted, kind, np.zeros((4, 3)))


def test_an_epoch_is_augmented_alike_in_a_resumed_run_and_otherwise_in_another_epoch():
    x, y = np.random.default_rng(0).random((20, 8, 8, 1), "float32"), np.arange(20)

    def epochs(first):
        augment = make_augmentation(("crop", "noise"), "image", x)
        batches = training_batches([x], y, batch_size=20, seed=1, first_epoch=first, epochs=3, augment=augment)
        return [x.numpy()[np.argsort(y.numpy())] for x, y in batches]

    whole, resumed = epochs(0), epochs(1)
    assert all(np.array_equal(a, b) for a, b in zip(whole[1:], resumed, strict=True))
    assert not np.allclose(whole[1], whole[2])
