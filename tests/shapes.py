"""Pictures of four shapes for tests and benchmarks: a task with few samples that a small CNN can learn, made up.

Each picture has one shape of random size and place, a little turned, in a random colour on a random background, under
noise.
"""

from pathlib import Path

import numpy as np

SIZE = 64
NAMES = ("circle", "cross", "square", "triangle")
NOISE = 20.0
LEAST_CONTRAST = 60.0
MAX_TURN = 0.2


def make_shapes(count, seed=0):
    """Return pictures (count, 64, 64, 3) of 8 bits and the indices (count,) of their shapes, all equally often."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(NAMES)
    return np.stack([_picture(NAMES[label], random) for label in labels]), labels


def write_shapes(folder: Path, count, seed=0):
    """Write `count` pictures as PNG files below a folder for each shape; return `folder`."""
    import tensorflow as tf

    for number, (picture, label) in enumerate(zip(*make_shapes(count, seed), strict=True)):
        path = folder / NAMES[label] / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(picture).numpy())
    return folder


def _picture(name, random):
    inside = _inside(name, random)
    front, back = _colours(random)
    picture = np.where(inside[..., np.newaxis], front, back) + random.normal(0, NOISE, (SIZE, SIZE, 3))
    return picture.clip(0, 255).astype(np.uint8)


def _inside(name, random):
    """Return which pixels (SIZE, SIZE) the shape covers."""
    radius = random.uniform(0.2, 0.4) * SIZE
    centre = random.uniform(radius, SIZE - radius, 2)
    angle = random.uniform(-MAX_TURN, MAX_TURN)
    down, right = np.mgrid[:SIZE, :SIZE] - centre[:, np.newaxis, np.newaxis]
    x = (right * np.cos(angle) + down * np.sin(angle)) / radius
    y = (down * np.cos(angle) - right * np.sin(angle)) / radius
    match name:
        case "circle":
            return x**2 + y**2 < 0.8
        case "cross":
            return (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 0.95)
        case "square":
            return np.maximum(abs(x), abs(y)) < 0.75
        case _:
            return (y < 0.55) & (y > 1.8 * abs(x) - 1)


def _colours(random):
    """Return two random colours that can be told apart."""
    while True:
        front, back = random.uniform(0, 255, (2, 3))
        if np.abs(front - back).max() > LEAST_CONTRAST:
            return front, back
