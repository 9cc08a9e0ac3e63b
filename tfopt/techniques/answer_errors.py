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
    shares, wanted = _shares(model), _flat(run(inputs))
    return lambda: _error(wanted, _flat(run(inputs)), shares)


def error_between(model: keras.Model, other: keras.Model, samples: Sequence[Array]) -> float:
    """Return how far the answers of another model are from those of a model, as `error_against_now` measures it.

    Args:
        model: The model whose answers are wanted.
        other: The other model.
        samples: An array (N, ...) for each input of both.
    """
    inputs = [tf.constant(x) for x in samples]
    wanted, found = (_flat(compiled(call, one)(inputs)) for one in (model, other))
    return _error(wanted, found, _shares(model))


def _shares(model: keras.Model) -> list[bool]:
    return [gives_probabilities(model, output) for output in range(len(model.outputs))]


def _error(wanted: Sequence[Array], found: Sequence[Array], shares: Sequence[bool]) -> float:
    pairs = zip(wanted, found, shares, strict=True)
    return float(np.mean([(_divergence if share else _squared)(before, after) for before, after, share in pairs]))


def _flat(outputs: Tensor) -> list[Array]:
    return [np.asarray(output, np.float64) for output in keras.tree.flatten(outputs)]


def _divergence(wanted: Array, found: Array) -> float:
    """The mean Kullback-Leibler divergence of samples, each share by itself a yes or a no."""
    p, q = (np.clip(x, TINY, 1 - TINY) for x in (wanted, found))
    return float(np.sum(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))) / len(p))


def _squared(wanted: Array, found: Array) -> float:
    return float(np.mean((wanted - found) ** 2) / max(float(np.var(wanted)), 1e-18))
