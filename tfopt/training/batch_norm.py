"""Batch normalizations whose moving averages keep up with a training of few steps.

What a normalization knows for inference are moving averages over the last batches, with Keras' momentum of 0.99 over
some hundred. Where an epoch has fewer steps they are of weights that are long gone: validation judges a model as worse
than it is, and after a short training it is worse.
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras

MOMENTUM = 0.9  # the least: an average over some ten batches
SHARE = 1 / 3  # of an epoch's steps that are remembered


@contextlib.contextmanager
def recent_statistics(found: Sequence[keras.Layer], steps: int) -> Iterator[None]:
    """Let the batch normalizations among layers remember a third of an epoch at most while the context lasts.

    Args:
        found: The layers.
        steps: The number of steps of an epoch.
    """
    normalizations = [layer for layer in found if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.momentum for layer in normalizations]
    try:
        for layer in normalizations:
            layer.momentum = min(layer.momentum, max(MOMENTUM, 1 - 1 / (SHARE * steps)))
        yield
    finally:
        for layer, momentum in zip(normalizations, before, strict=True):
            layer.momentum = momentum
