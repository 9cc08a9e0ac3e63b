"""Shared weights during training: a constraint gives the weights of a cluster their mean after every update.

The gradient of a centroid is the mean of its weights' gradients, so that centroids are trained while the assignment
stays; no wrapper layers, and the architecture is what it was.
"""

import keras
import numpy as np

from tfopt.training.projections import keeping
from tfopt.typing import Array, Tensor


class Shared(keras.constraints.Constraint):
    """Keeps equal weights equal, and zeros zero if asked, after the constraint the weight had before."""

    def __init__(self, kernel: Array, before: keras.constraints.Constraint | None, *, sparsity: bool) -> None:
        self.before = before
        self.project = keeping(kernel, sparsity=sparsity, clusters=True)

    def __call__(self, w: Tensor) -> Tensor:
        """Return w (the shape of the kernel) with its weights shared."""
        if self.before is not None:
            w = self.before(w)
        return self.project(w) if self.project else w


def share(weight: keras.Variable, kernel: Array, *, sparsity: bool) -> None:
    """Give `weight` the clustered `kernel`, and see to it that it stays clustered."""
    weight.assign(kernel)
    if np.ptp(kernel):
        weight.constraint = Shared(kernel, weight.constraint, sparsity=sparsity)
