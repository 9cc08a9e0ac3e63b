"""Augmentation: samples that are changed a little, and anew in every epoch, while a model is trained.

All that is random follows from a key, which is made from the seed, the epoch and the step: a resumed run sees the
same. Shifts, turns and mirrorings of images are one affine transformation of each image.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from tfopt.config.choices import Augmentation
from tfopt.data.lazy_arrays import LazyArray
from tfopt.data.preprocessing import MOST_IMAGES
from tfopt.data.raw_data import InputKind
from tfopt.data.vectorizer import PADDING, UNKNOWN
from tfopt.errors import InputError
from tfopt.typing import Array

MAX_SHIFT = 0.125  # of the size of an image, each way
MAX_ANGLE = 15 * np.pi / 180
NOISE_SHARE = 0.1  # of the standard deviation of the train split
WORD_DROPOUT = 0.1  # Iyyer et al. 2015, there 0.3
MIXUP_ALPHA = 0.2  # Zhang et al. 2018, arXiv:1710.09412, section 3

APPLICABLE: dict[InputKind, tuple[Augmentation, ...]] = {
    "image": ("flip", "crop", "rotate", "noise", "mixup"),
    "features": ("noise", "mixup"),
    "series": ("noise", "mixup"),
    "tokens": ("noise",),
    "pairs": ("noise",),
}

LABELS: dict[str, Literal["masks", "images"]] = {"segmentation": "masks", "image-to-image": "images"}

Augment = Callable[[Sequence[tf.Tensor], tf.Tensor, tf.Tensor], tuple[Sequence[tf.Tensor], tf.Tensor]]


def make_augmentation(
    wanted: Sequence[Augmentation], kind: InputKind, x: Array, labels: Literal["masks", "images"] | None = None
) -> Augment | None:
    """Make a function that changes batches.

    Args:
        wanted: The names of the changes.
        kind: The kind of data.
        x: The training samples (N, ...) of the first input, by whose spread noise is measured.
        labels: What targets are, if they are shifted, turned and mirrored as the images are.

    Returns:
        A function of a batch (inputs, y, key); None if nothing is wanted.

    Raises:
        InputError: A change does not suit this kind of data.
    """
    unfit = [name for name in wanted if name not in APPLICABLE[kind]]
    if unfit:
        raise InputError(
            f"`augment` {','.join(unfit)} is not for {kind}: {' and '.join(APPLICABLE[kind])} can be used there"
        )
    if not wanted:
        return None
    steps: list[Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = []
    moved = bool({"flip", "crop", "rotate"} & set(wanted))
    if moved:
        steps.append(lambda batch, key: transform_images(batch, key, wanted))
    if "noise" in wanted:
        deviation = (
            0.0
            if kind in ("tokens", "pairs")
            else float(np.std(x[:MOST_IMAGES] if isinstance(x, LazyArray) else x)) * NOISE_SHARE
        )
        steps.append(lambda batch, key: add_noise(batch, key, deviation))

    def augment(inputs: Sequence[tf.Tensor], y: tf.Tensor, key: tf.Tensor) -> tuple[Sequence[tf.Tensor], tf.Tensor]:
        first, *others = inputs
        if labels and moved:
            y = tf.cast(transform_images(tf.cast(y, tf.float32), key, wanted, exact=labels == "masks"), y.dtype)
        for number, step in enumerate(steps):
            first = step(first, tf.add(key, [0, number]))
        if "mixup" in wanted:
            first, y = mixup(first, y, tf.add(key, [0, len(steps)]))
        return [first, *others], y

    return augment


def transform_images(
    images: tf.Tensor,
    key: tf.Tensor,
    wanted: Sequence[Augmentation],
    *,
    exact: bool = False,
) -> tf.Tensor:
    """Shift, turn and mirror each image of a batch by an affine transformation of its own.

    What is bared is a reflection of what is beside it: a black edge is nothing that the model will meet, and in masks
    0 may be any class.

    Args:
        images: Images (N, H, W) or (N, H, W, C).
        key: Two integers from which all random numbers follow.
        wanted: Among them "crop" for shifts, "rotate" for turns and "flip" for mirroring.
        exact: Whether only values that are there may come out, as of masks, and none between them.
    """
    grey = images.shape.rank == 3
    batch = images[..., tf.newaxis] if grey else images
    count, (height, width) = tf.shape(batch)[0], batch.shape[1:3]
    draws = tf.random.stateless_uniform((4, count), key, -1.0, 1.0)
    mirror = tf.where(draws[0] < 0, -1.0, 1.0) if "flip" in wanted else tf.ones(count)
    angle = draws[1] * (MAX_ANGLE if "rotate" in wanted else 0.0)
    shift = draws[2:] * (MAX_SHIFT if "crop" in wanted else 0.0)
    across, down = (width - 1) / 2, (height - 1) / 2
    a, b = mirror * tf.cos(angle), -mirror * tf.sin(angle)
    c, d = tf.sin(angle), tf.cos(angle)
    # By whole pixels: between them an image would be blurred as no image is that the model will meet.
    right = across + tf.round(shift[0] * width) - a * across - b * down
    below = down + tf.round(shift[1] * height) - c * across - d * down
    nothing = tf.zeros(count)
    transform = tf.stack([a, b, right, c, d, below, nothing, nothing], axis=1)
    found = keras.ops.image.affine_transform(
        batch, transform, interpolation="nearest" if exact else "bilinear", fill_mode="reflect"
    )
    found = tf.ensure_shape(found, batch.shape)
    return found[..., 0] if grey else found


def add_noise(batch: tf.Tensor, key: tf.Tensor, deviation: float) -> tf.Tensor:
    """Add Gaussian noise to numbers; of token ids make some unknown words, but not of padding.

    Args:
        batch: Numbers or token ids (N, ...).
        key: Two integers from which all random numbers follow.
        deviation: The standard deviation of the noise.
    """
    if batch.dtype.is_integer:
        hit = (tf.random.stateless_uniform(tf.shape(batch), key) < WORD_DROPOUT) & (batch != PADDING)
        return tf.where(hit, tf.constant(UNKNOWN, batch.dtype), batch)
    return batch + tf.random.stateless_normal(tf.shape(batch), key, stddev=deviation)


def mixup(x: tf.Tensor, y: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mix each sample and its label with the one at the other end of the batch (Zhang et al. 2018, section 3).

    Args:
        x: Samples (N, ...).
        y: Their labels (N, ...) as shares of classes or numbers.
        key: Two integers from which the shares, of the distribution Beta(a, a), follow.
    """
    gammas = tf.random.stateless_gamma((2, tf.shape(x)[0]), key, alpha=MIXUP_ALPHA)
    share = gammas[0] / (gammas[0] + gammas[1] + 1e-12)

    def blend(values: tf.Tensor) -> tf.Tensor:
        weight = tf.reshape(share, tf.concat([[-1], tf.ones(tf.rank(values) - 1, tf.int32)], axis=0))
        return weight * values + (1 - weight) * tf.reverse(values, axis=[0])

    return blend(x), blend(y)
