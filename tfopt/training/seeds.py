"""Seeds make training repeatable: the same seed on the same machine gives the same weights.

All that is random in an epoch depends on the seed and the epoch only.
"""

import keras
import tensorflow as tf

from tfopt.typing import Logs

SEEDS_PER_WORKER = 2**20  # apart; so many epochs times random layers have their own


def seed_everything(seed: int, *, deterministic: bool = True) -> None:
    """Seed Python, NumPy, Keras and TensorFlow, and let TensorFlow use deterministic kernels only.

    This is for the rest of the process: `tfopt.runtime.process_state.preserved` puts back what was before.

    Args:
        seed: The seed.
        deterministic: Whether kernels are deterministic. Keras does not compile with XLA under that rule; XLA's own
            kernels gave the same bits in every run on a CPU.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


class EpochSeeds(keras.callbacks.Callback):
    """Seeds the random layers (dropout, noise, ...) anew each epoch.

    Keras saves the state of their generators neither in a model nor in its weights, so that a resumed run would go on
    with other random numbers than an undisturbed one.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.starts: list[int] = []
        self.drawn_before: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Set the state of every seed generator: two numbers, made from the seed, the epoch and its position.

        Every worker has its own, and the generators go on after as many numbers as were `drawn_before`, if any.
        """
        states = self._states()
        resolver = tf.distribute.get_strategy().cluster_resolver
        first = (resolver.task_id if resolver else 0) * SEEDS_PER_WORKER + epoch * len(states)
        self.starts = [first + position for position in range(len(states))]
        for state, start, drawn in zip(states, self.starts, self.drawn_before or [0] * len(states), strict=True):
            state.assign([self.seed, start + drawn])
        self.drawn_before = []

    def drawn(self) -> list[int]:
        """Return how often each generator was used since the epoch began."""
        return [int(state.numpy()[1]) - start for state, start in zip(self._states(), self.starts, strict=True)]

    def _states(self) -> list[keras.Variable]:
        weights = {weight.path for weight in self.model.weights}
        return [v for v in self.model.variables if v.path not in weights and "seed_generator" in v.path]
