"""Anomaly detection: an autoencoder gives back normal samples, and what it gives back badly is anomalous.

It learns from normal samples alone. Whoever looks for anomalies ranks samples by the reconstruction error, which here
is the mean absolute error of a sample.
"""

from typing import Self

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.labelled_rows import LabelledRows
from tfopt.data.lazy_arrays import mapped, pieces, spans
from tfopt.errors import InputError
from tfopt.tasks.rules import Encoder, Loss, Shape, TaskRules, fits, mean_absolute_error, some_of, weighted_mean
from tfopt.typing import Array


class Anomaly(TaskRules):
    """Labels say if a sample is anomalous, then the sample itself, flat (N, 1 + F); outputs are samples (N, ...).

    Only the errors of normal samples are scores: how well anomalies are told from them is a metric.
    """

    task = "anomaly"

    def __init__(self, shape: tuple[int, ...] = (-1,)) -> None:
        self.shape = shape

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Return the rules for samples of the shape of `data`."""
        return cls(data.train.inputs[0].shape[1:])

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:  # noqa: ARG002
        """Return the error of each normal sample (M,)."""
        anomalous, errors = self.ranked(outputs, y)
        normal: Array = errors[anomalous == 0]
        return normal

    def ranked(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return whether each sample is anomalous (N,), and its error (N,)."""
        errors = [reconstruction_errors(outputs[rows], y[rows][:, 1:]) for rows in spans(y)]
        return _labels(y).astype(np.int64), np.concatenate(errors)

    def usual_metric(self, y: Array) -> str | None:
        """Return the metric of the ranking, where there are samples of both kinds."""
        return "roc-auc" if len(np.unique(_labels(y))) == 2 else None

    def encoder(self, loss: Loss, width: int) -> Encoder:  # noqa: ARG002
        """Return what takes the samples out of labels."""
        return lambda y: mapped(y, lambda part: part[:, 1:].reshape(len(part), *self.shape), self.shape, np.float32)

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """Return the shape of a sample."""
        return data.train.inputs[0].shape[1:]

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if outputs are no samples."""
        shape = data.train.inputs[0].shape[1:]
        if not any(fits(one, output[1:]) for one in (shape, (*shape, 1), shape[:-1])):
            raise InputError(f"{name} gives outputs of shape {output[1:]}; an autoencoder of these data gives {shape}")

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Give back the median sample."""
        guess, y = np.median(some_of(data.train).y[:, 1:], axis=0), data.test.y
        normal = (part[part[:, 0] == 0, 1:] for part in pieces(y))
        error = weighted_mean((mean_absolute_error(guess, part), len(part)) for part in normal if len(part))
        return "always the median sample", error


def _labels(y: Array) -> Array:
    """Return whether each sample is anomalous (N,)."""
    return y.labels if isinstance(y, LabelledRows) else y[:, 0]


def reconstruction_errors(outputs: Array, samples: Array) -> Array:
    """Return the mean absolute error (N,) of outputs (N, ...) as samples (N, ...); endless if they are not finite."""
    errors = np.abs(outputs.reshape(len(outputs), -1) - samples.reshape(len(samples), -1)).mean(axis=1)
    return np.where(np.isfinite(errors), errors, np.inf)
