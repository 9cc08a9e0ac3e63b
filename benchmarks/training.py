"""Training throughput of tfopt against a plain `model.fit` on the same model, data and batch size, in one run.

Rounds are interleaved and the ratio is the median of the paired ratios, because machines are noisy.
"""

import time

import keras
import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.models.architectures import build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan

ROUNDS, EPOCHS, BATCH = 7, 10, 64


def main() -> None:
    data = load(DataConfig())
    signature = Signature.of(data)
    ratios = []
    for number in range(ROUNDS):
        order = [_plain, _ours] if number % 2 else [_ours, _plain]
        seconds = {run: run(build(ModelConfig(arch="cnn"), signature), data) for run in order}
        ratios.append(seconds[_plain] / seconds[_ours])
        print(f"round {number + 1}: plain {seconds[_plain]:.2f} s, tfopt {seconds[_ours]:.2f} s")
    low, median, high = np.percentile(ratios, [25, 50, 75])
    print(f"tfopt trains at {median:.2f} times the speed of plain model.fit (quartiles {low:.2f} to {high:.2f})")


def _plain(model: keras.Model, data) -> float:
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=EPOCHS, restore_best_weights=True)
    start = time.perf_counter()
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
        batch_size=BATCH,
        epochs=EPOCHS,
        callbacks=[stop],
        verbose=0,
    )
    return time.perf_counter() - start


def _ours(model: keras.Model, data) -> float:
    start = time.perf_counter()
    fit(model, data, FitPlan(EPOCHS, BATCH, 1e-3, seed=0, patience=EPOCHS), Silent())
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
