"""Images that are made up, with a class for each pixel: background, or a circle or square on it.

Each of 600 images of 32x32 pixels has one to three shapes of random place, size and brightness on a background that
gets brighter from one side to the other; all have noise. Circles and squares are equally bright and large: a pixel by
itself does not tell in which it is. Where shapes overlap the last one is seen.
"""

import numpy as np

from tfopt.data.raw_data import RawData
from tfopt.typing import Array

IMAGES = 600
SIZE = 32
RADII = (4, 9)
MOST_SHAPES = 3
NOISE = 12
CLASSES = ("background", "circle", "square")
SEED = 20_240_104


def make_shapes() -> RawData:
    """Make the images (N, 32, 32, 1) of 8 bits and their masks (N, 32, 32)."""
    rng = np.random.default_rng(SEED)
    images, masks = zip(*(_draw(rng) for _ in range(IMAGES)), strict=True)
    return RawData(
        np.stack(images)[..., np.newaxis], np.stack(masks),
        kind="image", peak=255, scale="unit", task="segmentation", class_names=CLASSES,
    )  # fmt: skip


def _draw(rng: np.random.Generator) -> tuple[Array, Array]:
    down, across = np.mgrid[:SIZE, :SIZE]
    slope = rng.uniform(-2, 2, 2)
    image = rng.uniform(40, 100) + slope[0] * (down - SIZE / 2) + slope[1] * (across - SIZE / 2)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(rng.integers(1, MOST_SHAPES + 1)):
        shape, radius = rng.integers(1, 3), rng.uniform(*RADII)
        y, x = rng.uniform(0, SIZE, 2)
        if shape == 1:
            inside = np.hypot(down - y, across - x) <= radius
        else:
            half = radius * np.sqrt(np.pi) / 2  # of the same area
            inside = np.maximum(np.abs(down - y), np.abs(across - x)) <= half
        image[inside] = rng.uniform(110, 230)
        mask[inside] = shape
    noisy = image + rng.normal(0, NOISE, image.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8), mask
