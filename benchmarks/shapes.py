"""Accuracy of `tfopt train` with all its defaults, against a plain Keras script that is given the same time.

    python benchmarks/shapes.py [IMAGES ...]

The data are made up: pictures of four shapes, 64x64 pixels, 100, 600 and 5,000 of them unless numbers are given. Both
train on the same samples, select by the same validation split, and are measured once on the same 1,000 others.
"""

import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from tfopt.core.provenance import load_dataset
from tfopt.data.dataset import Dataset
from tfopt.evaluation.statistics import accuracy
from tfopt.runtime.progress import Silent
from tfopt.training.config import TrainConfig
from tfopt.training.train import train

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.shapes import NAMES, make_shapes

COUNTS = (100, 600, 5000)
TESTED = 1000
MANY_EPOCHS = 10_000


def main() -> None:
    counts = [int(count) for count in sys.argv[1:]] or COUNTS
    print(f"{'images':>8}{'trained on':>12}{'seconds':>9}   {'tfopt train':30}{'plain Keras':30}", flush=True)
    for count in counts:
        data = shapes(count)
        start = time.perf_counter()
        ours = train(TrainConfig(), data, Silent()).model
        seconds = time.perf_counter() - start
        theirs = plain(data, seconds)
        cells = "".join(f"{share(model, data):30}" for model in (ours, theirs))
        print(f"{count:8,}{len(data.train):12,}{seconds:9.0f}   {cells}", flush=True)


def shapes(count: int) -> Dataset:
    x, y = make_shapes(count)
    x_test, y_test = make_shapes(TESTED, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shapes.npz"
        np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
        return load_dataset(str(path), None, Silent())


class Deadline(keras.callbacks.Callback):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.perf_counter() + seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self.model.stop_training |= time.perf_counter() > self.end


def plain(data: Dataset, seconds: float) -> keras.Model:
    """What a tutorial would write: three convolutions, the batch size of Keras, the best epoch kept."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(len(NAMES), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping("val_loss", patience=MANY_EPOCHS, restore_best_weights=True)
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
        epochs=MANY_EPOCHS,
        callbacks=[best, Deadline(seconds)],
        verbose=0,
    )
    model.set_weights(best.best_weights)
    return model


def share(model: keras.Model, data: Dataset) -> str:
    found = accuracy(model.predict(data.test.x, verbose=0).argmax(axis=1) == data.test.y)
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


if __name__ == "__main__":
    main()
