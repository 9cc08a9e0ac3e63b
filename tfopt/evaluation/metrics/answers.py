"""Outputs as metrics read them: probabilities where there are classes, whatever the last activation is."""

import numpy as np
from scipy.special import expit, softmax

from tfopt.tasks.anomaly import Anomaly
from tfopt.tasks.rules import TaskRules
from tfopt.typing import Array


def labels_and_answers(y: Array, outputs: Array, rules: TaskRules, *, probabilities: bool) -> tuple[Array, Array]:
    """Return what a metric compares: labels and answers, of anomalies whether and how anomalous each sample is."""
    if isinstance(rules, Anomaly):
        return rules.ranked(outputs, y)
    return y, answers_of(outputs, rules, probabilities=probabilities)


def answers_of(outputs: Array, rules: TaskRules, *, probabilities: bool) -> Array:
    """Return outputs (N, ...) as metrics read them.

    Args:
        outputs: Of a model.
        rules: Those of the task. Of classes there is a probability each (N, ..., K), two if there was one output.
        probabilities: Whether the outputs of a classifier are such, and no logits.
    """
    if not rules.has_classes:
        return expit(outputs) if rules.several and not probabilities else outputs
    return class_probabilities(outputs, probabilities=probabilities)


def class_probabilities(outputs: Array, *, probabilities: bool) -> Array:
    """Return the probabilities (N, ..., K) of classes, two if there was one output (N, ..., 1).

    Args:
        outputs: Of a classifier.
        probabilities: Whether they are such, and no logits.

    Example:
        >>> class_probabilities(np.array([[0.25]]), probabilities=True)
        array([[0.75, 0.25]])
    """
    if outputs.shape[-1] == 1:
        second = outputs if probabilities else expit(outputs)
        return np.concatenate([1 - second, second], axis=-1)
    return outputs if probabilities else softmax(outputs, axis=-1)
