"""Several outputs, each with a task of its own.

The error of an output is the share of its answers that are wrong, or their mean absolute error, divided by that of a
guess: always the most frequent class, or the median, of the train split. So errors of all outputs have one unit, and a
sample's error is their mean: 1 is no better than guessing. Each output also has the figures of its own task.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import keras
import numpy as np

from tfopt.data.dataset import Dataset, Split
from tfopt.data.output_labels import OutputLabels, label_parts, taken_apart
from tfopt.errors import InputError
from tfopt.tasks.rules import Encoder, Loss, Shape, TaskRules
from tfopt.typing import Array, Clusters, Options, Tensor

LEAST_GUESS_ERROR = 1e-6


class SeveralOutputs(TaskRules):
    """Labels and answers side by side (N, F), as `tfopt.data.output_labels` has them."""

    task = "several"
    saved_metrics = ()

    def __init__(
        self, outputs: Sequence[OutputLabels] = (), rules: Sequence[TaskRules] = (), units: Sequence[float] = ()
    ) -> None:
        self.outputs, self.rules, self.units = tuple(outputs), tuple(rules), tuple(units)

    @classmethod
    def of(cls, data: Dataset, rules: Sequence[TaskRules]) -> "SeveralOutputs":
        """Return the rules for `data`, by those of each output."""
        units = []
        for view, one in zip(views(data), rules, strict=True):
            _, found = one.baseline(replace(view, test=view.train))
            units.append(max(1 - found if one.counts_right else found, LEAST_GUESS_ERROR))
        return cls(data.outputs, rules, units)

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:  # noqa: ARG002
        """Return the error of each sample (N,), as shares of a guess's, the mean of all outputs."""
        total = np.zeros(len(y))
        for unit, one, found in zip(self.units, self.rules, self.by_output(outputs, y), strict=True):
            errors = 1.0 - found if one.counts_right else found
            total += errors.reshape(len(y), -1).mean(axis=1) / unit
        return total / len(self.rules)

    def by_output(self, outputs: Array, y: Array) -> list[Array]:
        """Return the scores of each output by its own rules."""
        answers = taken_apart(outputs, [one.answer or () for one in self.outputs])
        labels = label_parts(y, self.outputs)
        return [
            rules.scores(answer, label, probabilities=one.probabilities)
            for one, rules, answer, label in zip(self.outputs, self.rules, answers, labels, strict=True)
        ]

    def clusters_by_output(self, y: Array) -> list[Clusters | None]:
        """Return which scores of each output hang together."""
        return [rules.clusters(label) for rules, label in zip(self.rules, label_parts(y, self.outputs), strict=True)]

    def encoder(self, loss: Loss, width: int) -> Encoder:  # noqa: ARG002
        """Return what turns labels into those that each output's own loss takes, side by side."""
        assert isinstance(loss, LossOfOutputs)
        encoders = [part.encode for part in loss.parts]
        return lambda y: np.concatenate(
            [
                encode(label).reshape(len(y), -1).astype(np.float32)
                for encode, label in zip(encoders, label_parts(y, self.outputs), strict=True)
            ],
            axis=1,
        )

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:  # noqa: ARG002
        """Answers of a teacher are no labels of several losses."""
        return False

    def metric(self, *, soft_binary: bool = False) -> None:  # noqa: ARG002
        """There is none in training but the loss."""
        return

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """No model is built for several outputs."""
        raise InputError(
            f"{data.config.source} has labels for {len(data.outputs)} outputs, for which there is no architecture:"
            " bring a model of your own"
        )

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Each output is checked by its own rules (`tfopt.tasks.compatibility`)."""

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Guess each output."""
        found = []
        for unit, rules, view in zip(self.units, self.rules, views(data), strict=True):
            _, value = rules.baseline(view)
            found.append((1 - value if rules.counts_right else value) / unit)
        return "a guess for each output", float(np.mean(found))


class LossPart:
    """The loss of one output: where its targets and answers stand, their shapes, and how much it weighs."""

    def __init__(self, loss: Loss, rules: TaskRules, labels: OutputLabels, weight: float) -> None:
        assert labels.answer is not None
        self.loss, self.name, self.weight = loss, labels.name, weight
        self.encode = rules.encoder(loss, labels.answer[-1])
        probe = self.encode(np.zeros((1, *labels.shape), np.int64 if labels.classes else np.float32))
        self.target_shape, self.answer_shape = tuple(probe.shape[1:]), labels.answer
        found = keras.losses.get(loss)
        self.function = found.call if isinstance(found, keras.losses.Loss) else found

    def of(self, wanted: Tensor, answers: Tensor) -> Tensor:
        """Return the loss of each sample (N,), from targets (N, F) and answers (N, G) flattened."""
        found = self.function(
            keras.ops.reshape(wanted, (-1, *self.target_shape)), keras.ops.reshape(answers, (-1, *self.answer_shape))
        )
        if len(found.shape) > 1:
            found = keras.ops.mean(found, axis=tuple(range(1, len(found.shape))))
        return self.weight * found


class LossOfOutputs(keras.losses.Loss):
    """The sum of the losses of several outputs, whose targets and answers stand side by side."""

    def __init__(self, parts: Sequence[LossPart]) -> None:
        super().__init__(name="loss_of_outputs")
        self.parts = list(parts)

    def compile_options(self, model: keras.Model) -> Options:
        """Return what `model.compile` takes for the same losses of the outputs of a model."""
        losses, weights = [part.loss for part in self.parts], [part.weight for part in self.parts]
        if not isinstance(model.output, dict):
            return {"loss": losses, "loss_weights": weights}
        names = [part.name for part in self.parts]
        return {"loss": dict(zip(names, losses, strict=True)), "loss_weights": dict(zip(names, weights, strict=True))}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample (N,)."""
        total, target, answer = 0.0, 0, 0
        for part in self.parts:
            wide, broad = prod(part.target_shape), prod(part.answer_shape)
            total += part.of(y_true[:, target : target + wide], y_pred[:, answer : answer + broad])
            target, answer = target + wide, answer + broad
        return total


def flat_outputs(outputs: Tensor) -> Tensor:
    """Return the output of a model, or several of them flattened side by side, (N, F), as tensors.

    Args:
        outputs: What a model gives, in any structure.
    """
    every = keras.tree.flatten(outputs)
    if len(every) == 1:
        return every[0]
    flat = [keras.ops.reshape(one, (keras.ops.shape(one)[0], prod(one.shape[1:]))) for one in every]
    return keras.ops.concatenate([keras.ops.cast(one, flat[0].dtype) for one in flat], axis=1)


def views(data: Dataset) -> list[Dataset]:
    """Return the data of each output by itself."""
    return [_view(data, index) for index in range(len(data.outputs))]


def _view(data: Dataset, index: int) -> Dataset:
    one = data.outputs[index]
    splits: Options = {
        name: Split(split.inputs, label_parts(split.y, data.outputs)[index]) for name, split in data.splits()
    }
    own: Options = {"task": one.task, "num_classes": one.classes, "class_names": one.class_names, "outputs": ()}
    return replace(data, **own, **splits)
