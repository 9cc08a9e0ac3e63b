"""L1 and L2 penalties of kernels, in the loss of one training only: the model that is saved knows nothing of them."""

import contextlib
from collections.abc import Iterator

import keras

from tfopt.training.optimizers import WITHOUT_DECAY


@contextlib.contextmanager
def kernel_penalties(model: keras.Model, l1: float, l2: float) -> Iterator[None]:
    """Add l1 * sum|w| + l2 * sum w^2 of every trainable kernel to the loss while the context lasts."""
    kernels = (
        [weight for weight in model.trainable_weights if len(weight.shape) >= 2 and weight.name not in WITHOUT_DECAY]
        if l1 or l2
        else []
    )
    before = [kernel.regularizer for kernel in kernels]
    try:
        for kernel in kernels:
            kernel.regularizer = keras.regularizers.L1L2(l1, l2)
        yield
    finally:
        for kernel, own in zip(kernels, before, strict=True):
            kernel.regularizer = own
