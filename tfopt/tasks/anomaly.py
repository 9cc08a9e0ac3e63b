"""Anomaly detection: an autoencoder gives back normal samples, and what it gives back badly is anomalous.

It learns from normal samples alone. Whoever looks for anomalies ranks samples by the reconstruction error, which here
is the mean absolute error of a sample.
"""

from typing import Self

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.tasks.rules import Encoder, Loss, Shape, TaskRules, fits, mean_absolute_error
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
        errors: Array = reconstruction_errors(outputs, y[:, 1:])[y[:, 0] == 0]
        return errors

    def ranked(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return whether each sample is anomalous (N,), and its error (N,)."""
        return y[:, 0].astype(np.int64), reconstruction_errors(outputs, y[:, 1:])

    def usual_metric(self, y: Array) -> str | None:
        """Return the metric of the ranking, where there are samples of both kinds."""
        return "roc-auc" if len(np.unique(y[:, 0])) == 2 else None

    def encoder(self, loss: Loss, width: int) -> Encoder:  # noqa: ARG002
        """Return what takes the samples out of labels."""
        return lambda y: y[:, 1:].reshape(len(y), *self.shape)

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
        normal = data.test.y[data.test.y[:, 0] == 0, 1:]
        return "always the median sample", mean_absolute_error(np.median(data.train.y[:, 1:], axis=0), normal)


def reconstruction_errors(outputs: Array, samples: Array) -> Array:
    """Return the mean absolute error (N,) of outputs (N, ...) as samples (N, ...); endless if they are not finite."""
    errors = np.abs(outputs.reshape(len(outputs), -1) - samples.reshape(len(samples), -1)).mean(axis=1)
    return np.where(np.isfinite(errors), errors, np.inf)
