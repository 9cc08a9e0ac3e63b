"""The error of a model's answers against those that it gave before a part of it changed; it takes no labels."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.model_io import call, compiled
from tfopt.typing import Array, Tensor

TINY = 1e-7  # of a share, below which its logarithm is not taken


def error_against_now(model: keras.Model, samples: Sequence[Array]) -> Callable[[], float]:
    """Return what measures how far the answers of a model, whose weights may change, are from those that it gives now.

    Args:
        model: The model.
        samples: An array (N, ...) for each input.

    Returns:
        A function that gives, of shares of classes, the mean divergence in nats, of other answers the mean squared
        difference in their variances.
    """
    run, inputs = compiled(call, model), [tf.constant(x) for x in samples]
    shares = [gives_probabilities(model, output) for output in range(len(model.outputs))]
    wanted = _flat(run(inputs))

    def error() -> float:
        pairs = zip(wanted, _flat(run(inputs)), shares, strict=True)
        return float(np.mean([(_divergence if share else _squared)(before, after) for before, after, share in pairs]))

    return error


def _flat(outputs: Tensor) -> list[Array]:
    return [np.asarray(output, np.float64) for output in keras.tree.flatten(outputs)]


def _divergence(wanted: Array, found: Array) -> float:
    """The mean Kullback-Leibler divergence of samples, each share by itself a yes or a no."""
    p, q = (np.clip(x, TINY, 1 - TINY) for x in (wanted, found))
    return float(np.sum(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))) / len(p))


def _squared(wanted: Array, found: Array) -> float:
    return float(np.mean((wanted - found) ** 2) / max(float(np.var(wanted)), 1e-18))
