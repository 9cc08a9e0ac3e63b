"""Same seed, same machine: same weights. All that is random in an epoch depends on the seed and the epoch only."""

from typing import Any

import keras
import tensorflow as tf


def seed_everything(seed: int, *, deterministic: bool = True) -> None:
    """Seed Python, NumPy and Keras, and let TensorFlow use deterministic kernels only.

    Keras does not compile with XLA under that rule, whose own kernels gave the same bits in every run on a CPU.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


class EpochSeeds(keras.callbacks.Callback):  # type: ignore[misc]
    """Seeds the random layers (dropout, noise, ...) anew each epoch.

    Keras saves the state of their generators neither in a model nor in its weights, so that a resumed run would go on
    with other random numbers than an undisturbed one.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Set the state of every seed generator: two numbers, made from the seed, the epoch and its position."""
        weights = {weight.path for weight in self.model.weights}
        states = [v for v in self.model.variables if v.path not in weights and "seed_generator" in v.path]
        for position, state in enumerate(states):
            state.assign([self.seed, epoch * len(states) + position])
