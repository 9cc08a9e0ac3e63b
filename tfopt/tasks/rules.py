"""The rules of a task; all that differs between tasks is asked of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeAlias

import keras
import numpy as np

from tfopt.config.choices import Task
from tfopt.data.dataset import Dataset, Split
from tfopt.data.lazy_arrays import LazyArray, spans
from tfopt.errors import InputError
from tfopt.typing import Array, Clusters

Loss: TypeAlias = keras.losses.Loss | str
Encoder: TypeAlias = Callable[[Array], Array]
Shape: TypeAlias = tuple[int | None, ...]

LOOKED_AT = 1000  # samples of a split that is not held


class TaskRules(ABC):
    """All that a task decides. Without a word to the contrary, answers are numbers and their errors count.

    Attributes:
        task: Its name.
        counts_right: Whether an answer is right or wrong, so that accuracy measures it; otherwise errors have a size.
        has_classes: Whether the last axis of the outputs has the scores of classes, of which one is right.
        several: Whether each number of an output is the probability of a label by itself, or its logit.
        saved_metrics: What a saved model shows when it is evaluated: names only, so that it loads without tfopt.
        simple: What a method without a model does.
        cluster: What scores hang together in, if they do.
    """

    task: ClassVar[Task]
    counts_right: ClassVar[bool] = False
    has_classes: ClassVar[bool] = False
    several: ClassVar[bool] = False
    saved_metrics: ClassVar[tuple[str, ...]] = ("mae",)
    simple: ClassVar[str] = "a guess"
    cluster: ClassVar[str] = "samples"

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:  # noqa: ARG002  # for others
        """Score the answers to samples with the labels y (N, ...).

        Args:
            outputs: What a model answers (N, ...).
            y: Labels as `Split` has them.
            probabilities: Whether the outputs of a classifier are such, and no logits.

        Returns:
            Right or wrong (M,) bool, for each thing that is answered, or the mean absolute error of each sample (N,).
            Outputs that are not finite are wrong, or have an infinite error.
        """
        found = ((outputs[rows], y[rows]) for rows in spans(y))
        errors = np.concatenate([np.abs(_flat(answer) - _flat(part)).mean(axis=1) for answer, part in found])
        return np.where(np.isfinite(errors), errors, np.inf)

    def usual_metric(self, y: Array) -> str | None:  # noqa: ARG002  # for others
        """Return the metric that a report shows of samples with the labels y where none is asked for."""
        return None

    def clusters(self, y: Array) -> Clusters | None:  # noqa: ARG002  # for others
        """Return which scores hang together, so that they are no independent draws: a cluster's number for each (M,).

        None where samples are independent, each with one score.
        """
        return None

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:  # noqa: ARG002  # for others
        """Return the loss for an output of a model that was compiled with none."""
        return "mean_squared_error"

    def encoder(self, loss: Loss, width: int) -> Encoder:  # noqa: ARG002  # for others
        """Return what turns labels into what `loss` takes, for a model with `width` numbers on its last axis."""
        return lambda y: y

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:  # noqa: ARG002  # for others
        """Tell whether a model can learn from the answers of another, with the loss that `soft_loss` gives."""
        return True

    def metric(self, *, soft_binary: bool = False) -> keras.metrics.Metric | str | None:  # noqa: ARG002  # for others
        """Return what to show in training, if anything; `soft_binary` targets (N, 1) are shares, not labels."""
        return keras.metrics.MeanAbsoluteError(name="mae")

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """Return the shape of one answer of a model for `data`."""
        return data.train.y.shape[1:]

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if the output of the model `name`, batch axis first, does not suit the labels."""
        if not fits(data.train.y.shape[1:], output[1:]):
            raise InputError(
                f"{name} gives outputs of shape {output[1:]}, but the targets of {data.config.source} have"
                f" {data.train.y.shape[1:]}; `task` compiled leaves that to the loss of the model"
            )

    @abstractmethod
    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Score plain methods on the test split, and take the best: the least that a model has to beat.

        Returns:
            A name of the method, such as "always praise", and its accuracy (0 to 1) or its mean absolute error in the
            units that a model is measured in.
        """


def fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    """Tell whether a shape is the one that is wanted, of which sizes that are None are free."""
    return len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))


def some_of(split: Split) -> Split:
    """Return a split, or a fair sample of one that is not held, in memory."""
    return split.sample(LOOKED_AT) if isinstance(split.y, LazyArray) else split


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)


def mean_absolute_error(guess: Array, y: Array) -> float:
    """Return the mean absolute error of a guess for labels of the same shape, or one that is broadcast to it."""
    return float(np.abs(guess - y).mean())


def weighted_mean(found: Iterable[tuple[float, int]]) -> float:
    """Return the mean of means, each of so many values; one alone is left as it is."""
    means, counts = zip(*found, strict=True)
    return float(means[0]) if len(means) == 1 else float(np.average(means, weights=counts))
