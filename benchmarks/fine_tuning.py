"""Throughput of tfopt's pruning and QAT fine-tuning against a hand-written tf_keras + TFMOT script, in one run.

Same model, data, batch size and number of steps; only the training is timed. Rounds are interleaved and the ratio is
the median of the paired ratios.
"""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras
from keras import layers as layers3
from tf_keras import layers as layers2

from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.loader import load
from tfopt.formats.legacy.to_tf_keras import to_tf_keras
from tfopt.runtime.progress import Silent
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.masks import Pruning
from tfopt.techniques.qat.tfmot import calibrate, quantization_aware
from tfopt.training.fit import fit
from tfopt.training.fit_tf_keras import fit_tf_keras
from tfopt.training.plan import FitPlan

ROUNDS, EPOCHS, BATCH, RATE = 5, 12, 64, 1e-4
LOSS = "sparse_categorical_crossentropy"


def main() -> None:
    data = load(DataConfig())
    for title, theirs, ours in (("prunes", _prune_theirs, _prune_ours), ("trains for int8", _qat_theirs, _qat_ours)):
        ratios = []
        for number in range(ROUNDS):
            order: list[Callable[[Dataset], float]] = [theirs, ours] if number % 2 else [ours, theirs]
            seconds = {run: run(data) for run in order}
            ratios.append(seconds[theirs] / seconds[ours])
            print(f"{title}, round {number + 1}: TFMOT script {seconds[theirs]:.2f} s, tfopt {seconds[ours]:.2f} s")
        low, median, high = np.percentile(ratios, [25, 50, 75])
        print(f"tfopt {title} at {median:.2f} times the speed of the script (quartiles {low:.2f} to {high:.2f})")


def _cnn(library, layers):
    return library.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _fit_theirs(model: tf_keras.Model, data: Dataset, callbacks: list[tf_keras.callbacks.Callback]) -> float:
    model.compile(tf_keras.optimizers.Adam(RATE), LOSS, metrics=["accuracy"])
    stop = tf_keras.callbacks.EarlyStopping("val_loss", patience=EPOCHS, restore_best_weights=True)
    start = time.perf_counter()
    model.fit(
        *data.train,
        validation_data=data.validation,
        batch_size=BATCH,
        epochs=EPOCHS,
        callbacks=[*callbacks, stop],
        verbose=0,
    )
    return time.perf_counter() - start


def _prune_theirs(data: Dataset) -> float:
    steps = EPOCHS * FitPlan(EPOCHS, BATCH, RATE, 0).steps(data)
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, 0, int(0.6 * steps), frequency=1)
    model = tfmot.sparsity.keras.prune_low_magnitude(_cnn(tf_keras, layers2), pruning_schedule=schedule)
    return _fit_theirs(model, data, [tfmot.sparsity.keras.UpdatePruningStep()])


def _prune_ours(data: Dataset) -> float:
    model = _cnn(keras, layers3)
    model.compile(loss=LOSS)
    plan = FitPlan(EPOCHS, BATCH, RATE, 0)
    kernels = [weight for weight in model.weights if weight.name == "kernel"]
    pruning = Pruning(kernels, PruneConfig(sparsity=0.5), ramp=int(0.6 * EPOCHS * plan.steps(data)))
    start = time.perf_counter()
    fit(model, data, plan, Silent(), callbacks=[pruning])
    return time.perf_counter() - start


def _qat_theirs(data: Dataset) -> float:
    return _fit_theirs(tfmot.quantization.keras.quantize_model(_cnn(tf_keras, layers2)), data, [])


def _qat_ours(data: Dataset) -> float:
    model = _cnn(keras, layers3)
    model.compile(loss=LOSS)
    aware = quantization_aware(to_tf_keras(model, "cnn"))
    calibrate(aware.model, [data.calibration.x])
    start = time.perf_counter()
    fit_tf_keras(aware.model, model, data, FitPlan(EPOCHS, BATCH, RATE, 0), Silent())
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
