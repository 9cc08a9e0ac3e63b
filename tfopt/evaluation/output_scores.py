"""Each of several outputs by itself: its accuracy or error, and how that differs between two models."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfopt.evaluation.statistics import accuracy, accuracy_change, deviation, deviation_change
from tfopt.report.changes import OutputChange
from tfopt.report.schema import OutputScore
from tfopt.tasks.rules import TaskRules
from tfopt.tasks.several import SeveralOutputs
from tfopt.typing import Array, Clusters


class ScoredOutput(NamedTuple):
    """The name of an output, its scores (M,), and which of them hang together."""

    name: str
    scores: Array
    clusters: Clusters | None


def scored_outputs(rules: TaskRules, answers: Array, y: Array | None) -> list[ScoredOutput]:
    """Score each output by the rules of its task.

    Args:
        rules: Those of the data.
        answers: What a model gave, side by side (N, F).
        y: The labels, side by side.

    Returns:
        None for a model with one output.
    """
    if not isinstance(rules, SeveralOutputs) or y is None:
        return []
    scores, clusters = rules.by_output(answers, y), rules.clusters_by_output(y)
    names = [one.name for one in rules.outputs]
    return [ScoredOutput(*found) for found in zip(names, scores, clusters, strict=True)]


def output_scores(outputs: Sequence[ScoredOutput]) -> list[OutputScore]:
    """Return the figure of each output."""
    return [
        OutputScore(name=name, accuracy=accuracy(scores, clusters))
        if scores.dtype == np.bool_
        else OutputScore(name=name, deviation=deviation(scores, None, clusters))
        for name, scores, clusters in outputs
    ]


def output_changes(against: str, before: Sequence[ScoredOutput], after: Sequence[ScoredOutput]) -> list[OutputChange]:
    """Compare each output of two models that answered the same samples; outputs go by their names."""
    named = {one.name: one for one in before}
    pairs = [(named[other.name], other) for other in after if other.name in named]
    return [
        OutputChange(name=one.name, accuracy=accuracy_change(against, one.scores, other.scores, one.clusters))
        if one.scores.dtype == np.bool_
        else OutputChange(name=one.name, deviation=deviation_change(against, one.scores, other.scores, one.clusters))
        for one, other in pairs
    ]
