"""Masks during training: a weight constraint applies them after every update, a callback renews them on schedule.

This is the behaviour of `prune_low_magnitude` in TensorFlow Model Optimization without its wrapper layers, so it works
for any layer, and the architecture stays what it was.
"""

import keras
import numpy as np

from tfopt.config.choices import Schedule
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.patterns import masks, parse
from tfopt.typing import Array, Logs, Tensor

UPDATES = 100


class Mask(keras.constraints.Constraint):
    """Multiplies a weight by a mask of ones and zeros, after the constraint the weight had before."""

    def __init__(self, weight: keras.Variable) -> None:
        self.before = weight.constraint
        self.mask = keras.Variable(np.ones(weight.shape, "float32"), trainable=False, name="mask")

    def __call__(self, w: Tensor) -> Tensor:
        """Return w (any shape) with the masked weights zero."""
        if self.before is not None:
            w = self.before(w)
        return w * keras.ops.cast(self.mask, w.dtype)


class Pruning(keras.callbacks.Callback):
    """Renews the masks of `weights` as the schedule asks during the first `ramp` training steps."""

    def __init__(self, weights: list[keras.Variable], config: PruneConfig, ramp: int, first_step: int = 0) -> None:
        super().__init__()
        self.pruned = weights
        self.config = config
        self.pattern = parse(config.pattern)
        self.ramp = ramp
        self.every = max(1, ramp // UPDATES)
        self.step = first_step
        self.constraints = [Mask(weight) for weight in weights]
        for weight, constraint in zip(weights, self.constraints, strict=True):
            weight.constraint = constraint

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Renew the masks if this step is due."""
        if self.step <= self.ramp and (self.step % self.every == 0 or self.step == self.ramp):
            self.renew(
                sparsity_at(self.step, final=self.config.sparsity, ramp=self.ramp, schedule=self.config.schedule)
            )
        self.step += 1

    def renew(self, sparsity: float) -> None:
        """Choose the masks anew from the weights as they are, and apply them."""
        kernels: list[Array] = [weight.numpy() for weight in self.pruned]
        for weight, constraint, kernel, mask in zip(
            self.pruned,
            self.constraints,
            kernels,
            masks(kernels, sparsity, self.config.scope, self.pattern),
            strict=True,
        ):
            kept = mask & (kernel != 0)  # what is zero stays zero
            constraint.mask.assign(kept)
            weight.assign(kernel * kept)


def sparsity_at(step: int, *, final: float, ramp: int, schedule: Schedule, initial: float = 0.0) -> float:
    """Sparsity that holds at training step `step` (from 0).

    `cubic` rises from `initial` to `final` over `ramp` steps: s = s_f + (s_i - s_f) (1 - t / n)^3; `constant` and
    `one-shot` are at `final` from the first step.
    """
    if schedule != "cubic" or step >= ramp:
        return final
    return final + (initial - final) * (1 - step / ramp) ** 3
