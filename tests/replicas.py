"""Trains as one process of several, or on each number of replicas, and prints what came out.

Logical devices and collective operations are set up once in a process: the greatest number of replicas comes first.
"""

import json
import sys
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from tfopt.config.fine_tuning import DistributedConfig
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.distribution.strategies import make_strategy, make_worker_strategy
from tfopt.runtime.progress import Silent
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan


class Descent(FitPlan):
    """Plain gradient descent: what replicas compute differs by rounding only, which Adam would enlarge."""

    def optimizer(self, data):
        return keras.optimizers.SGD(self.learning_rate)


class Curve(keras.callbacks.Callback):
    """The loss of each step, from the mean of the epoch so far that Keras shows."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append([float(logs["loss"]), float(logs["accuracy"])])


def main(samples: int, *replicas: int) -> None:
    asked = [DistributedConfig(distributed=True, replicas=count) for count in replicas]
    for where in map(make_strategy, asked) if asked else [make_worker_strategy()]:
        train(where, samples)


def train(where: tf.distribute.Strategy, samples: int) -> None:
    data = load(DataConfig())
    data = replace(data, train=data.train.rows(slice(samples)))
    keras.utils.set_random_seed(0)
    curve = Curve()
    with where.scope():
        model = smooth()
        fitted = fit(model, data, Descent(2, 64, 0.1, seed=0), Silent(), callbacks=[curve])
    copies = [
        [float(np.sum(copy.numpy().astype(np.float64))) for copy in where.experimental_local_results(weight.value)]
        for weight in model.weights
    ]
    normalizations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    print(
        json.dumps(
            {
                "replicas": where.num_replicas_in_sync,
                "curve": curve.losses,
                "history": fitted.history,
                "sums": [sums[0] for sums in copies],
                "alike": all(len(set(sums)) == 1 for sums in copies),
                "normalizations": [layer.synchronized for layer in normalizations],
                "clipped": clipped(where),
            }
        )
    )


def smooth() -> keras.Model:
    """A model without kinks: where a sum is next to one, rounding decides which side it takes, and that grows."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("softplus"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def clipped(where: tf.distribute.Strategy) -> float:
    """The norm of the step that gradients of norm 5 and 1 a replica make when they are clipped to a norm of 2."""
    from tfopt.training.optimizers import make_optimizer

    with where.scope():
        weight = keras.Variable(np.zeros(2, "float32"))
        adam = make_optimizer(1.0, 1, clip_norm=2.0)
        adam.build([weight])

        @tf.function
        def step():
            return where.run(lambda: adam.apply([tf.constant([3.0, 4.0]) / where.num_replicas_in_sync], [weight]))

        step()
        momentum = next(v for v in adam.variables if "momentum" in v.path)
        return float(np.linalg.norm(momentum.numpy())) / 0.1


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
