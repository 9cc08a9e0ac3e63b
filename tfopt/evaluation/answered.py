"""The answers of an artifact to the test split, and all that is told of them."""

from collections.abc import Sequence
from typing import NamedTuple

from tfopt.data.dataset import Dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.metrics.answers import answers_of
from tfopt.evaluation.metrics.class_counts import class_table
from tfopt.evaluation.metrics.metric import Judged
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.evaluation.output_scores import ScoredOutput, scored_outputs
from tfopt.formats.artifact import Artifact
from tfopt.formats.matching import match_artifact
from tfopt.report.metrics import ClassTable
from tfopt.runtime.progress import Progress
from tfopt.typing import Array

WITH_AREAS: tuple[str, ...] = ("segmentation",)  # tasks of which each class has an intersection over union
LABELLED: tuple[str, ...] = ("classification", "multi-label", *WITH_AREAS)


class Answered(NamedTuple):
    """Scores of samples as `TaskRules.scores` has them, what a metric says, and those of each class and output."""

    scores: Array | None = None
    judged: Judged | None = None
    classes: ClassTable | None = None
    outputs: Sequence[ScoredOutput] = ()


def answered(artifact: Artifact, data: Dataset | None, metric: MetricLike | None, progress: Progress) -> Answered:
    """Let an artifact answer to the test split; nothing is known without data.

    Raises:
        InputError: If the data do not fit the artifact, or the metric does not suit them.
    """
    if data is None:
        return Answered()
    fitting = match_artifact(data, artifact)
    evaluator = Evaluator.on(fitting, "test")
    evaluator = evaluator.by(metric or evaluator.rules.usual_metric(fitting.test.y))
    outputs, probabilities = evaluator.outputs(artifact, progress)
    judged = evaluator.judged(outputs, probabilities) if evaluator.metric else None
    return Answered(
        evaluator.scored(outputs, probabilities),
        judged if isinstance(judged, Judged) else None,
        _classes(evaluator, fitting, outputs, probabilities=probabilities),
        scored_outputs(evaluator.rules, outputs, evaluator.y),
    )


def _classes(evaluator: Evaluator, data: Dataset, outputs: Array, *, probabilities: bool) -> ClassTable | None:
    if evaluator.y is None or data.task not in LABELLED or not len(evaluator.y):
        return None
    answers = answers_of(outputs, evaluator.rules, probabilities=probabilities)
    return class_table(evaluator.y, answers, data.class_names, areas=data.task in WITH_AREAS)
