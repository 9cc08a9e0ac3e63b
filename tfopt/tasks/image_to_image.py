"""Image to image: the answer to an image is an image, as in denoising, colouring or an autoencoder."""

import numpy as np

from tfopt.data.config import INPUTS
from tfopt.data.dataset import Dataset
from tfopt.tasks.rules import TaskRules
from tfopt.typing import Array

LOOKED_AT = 1000  # images, of which the mean and the median are taken
PIECE = 256


class ImageToImage(TaskRules):
    """Numbers (N, H, W, C); the error is that of each image."""

    task = "image-to-image"

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Take the best of the mean or median image of the train split, and of the input as it is."""
        known = np.asarray(data.train.sample(LOOKED_AT).y)
        found = [
            ("the mean image of the train split", _error(data, known.mean(axis=0))),
            ("the median image of the train split", _error(data, np.median(known, axis=0))),
        ]
        if data.config.target != INPUTS and data.test.inputs[0].shape == data.test.y.shape:
            found.append(("the input as it is", _error(data, None)))
        return min(found, key=lambda one: one[1])


def _error(data: Dataset, guess: Array | None) -> float:
    """Return the mean absolute error on the test split of a guess (H, W, C), or without one of the inputs."""
    total, y = 0.0, data.test.y
    for start in range(0, len(y), PIECE):
        rows = slice(start, start + PIECE)
        given = data.targets(data.scaling.inverse(data.test.inputs[0][rows])) if guess is None else guess
        total += float(np.abs(given - y[rows]).sum(dtype=np.float64))
    return total / max(1, int(np.prod(y.shape)))
