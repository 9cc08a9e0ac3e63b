"""The one place where an answer is judged: an evaluator is bound to a split of the data.

What techniques choose by (how a layer is rounded, which block leaves, which of two files is better) is asked of the one
on the validation split; the test split is measured once, at the end, by the same class.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.data.output_labels import side_by_side
from tfopt.data.sampling import fair_order
from tfopt.evaluation.limits import WORSE_GROWTH, WORSE_POINTS
from tfopt.evaluation.metrics.answers import labels_and_answers
from tfopt.evaluation.metrics.metric import Judged, Metric
from tfopt.evaluation.metrics.named import MetricLike, find_metric
from tfopt.evaluation.statistics import CONFIDENCE, Worsening, drop, worsening
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.prediction import predict_batches
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.model_io import call, compiled
from tfopt.runtime.progress import Progress, Silent
from tfopt.tasks.losses import loss_function
from tfopt.tasks.registry import rules_for, rules_of
from tfopt.tasks.rules import TaskRules
from tfopt.typing import Array, Clusters, Tensor

LOSS_SAMPLES = 2048  # that a loss is the mean of
LOSS_BATCH = 256

Scores: TypeAlias = Array | Judged
"""Scores of samples as `TaskRules.scores` has them, or what a metric says of all answers."""


@dataclass(frozen=True)
class Evaluator:
    """Judges models and artifacts on one split.

    Attributes:
        inputs: An array (N, ...) for each input of a model.
        y: Labels as `Split` has them; None if nobody knows them, so that only outputs can be compared.
        rules: Those of the task, which say how an answer is scored.
        name: What a report calls the split.
        metric: What models are judged by; None for what `rules` say: right answers, or errors.
    """

    inputs: tuple[Array, ...]
    y: Array | None
    rules: TaskRules
    name: str
    metric: Metric | None = None

    @classmethod
    def on(cls, data: Dataset, split: Literal["validation", "test"]) -> Self:
        """Make an evaluator for a split of `data`."""
        samples = data.test if split == "test" else data.validation
        return cls(samples.inputs, samples.y, rules_for(data), f"the {split} split")

    @classmethod
    def without_labels(cls, inputs: Sequence[Array], name: str) -> Self:
        """Make an evaluator that can only say how far two outputs are apart."""
        return cls(tuple(inputs), None, rules_of("classification"), name)

    def by(self, metric: MetricLike | None) -> Self:
        """Return one that judges by a metric (see `find_metric`)."""
        return replace(self, metric=find_metric(metric, self.rules))

    def __len__(self) -> int:
        return len(self.inputs[0]) if self.inputs else 0

    def score(self, model: keras.Model | Artifact, progress: Progress | None = None) -> Array:
        """Score each sample as `TaskRules.scores` does.

        Args:
            model: A Keras model, or an artifact with one output.
            progress: Shows how many samples are done.

        Returns:
            Right or wrong (N,) bool, or absolute errors (N,); (M,) of all target words, or of all pixels.
        """
        return self.scored(*self.outputs(model, progress))

    def outputs(self, model: keras.Model | Artifact, progress: Progress | None = None) -> tuple[Array, bool]:
        """Return what a model answers (N, ...), and whether these are probabilities, where there are classes."""
        if isinstance(model, keras.Model):
            return predict_batches(model, self.inputs), gives_probabilities(model)
        with (progress or Silent()).task(f"testing {model.name}", len(self)) as advance:
            return model.predict(self.inputs, advance), model.gives_probabilities()

    def scored(self, outputs: Array, probabilities: bool) -> Array:
        """Score outputs (N, ...) that are there already, those of a classifier `probabilities` or logits."""
        assert self.y is not None
        return self.rules.scores(outputs, self.y, probabilities=probabilities)

    def judge(self, model: keras.Model | Artifact) -> Scores:
        """Score a model by the metric, or each sample where there is none."""
        return self.judged(*self.outputs(model))

    def judged(self, outputs: Array, probabilities: bool) -> Scores:
        """Judge outputs that are there already as `judge` does."""
        if self.metric is None:
            return self.scored(outputs, probabilities)
        assert self.y is not None
        y, answers = labels_and_answers(self.y, outputs, self.rules, probabilities=probabilities)
        return self.metric.judge(y, answers, self.clusters, self.name)

    def drop(self, before: Scores, after: Scores) -> float:
        """Return how much worse scores have become: points of accuracy, or the share by which the mean error grew."""
        if isinstance(before, Judged) and isinstance(after, Judged):
            return before.drop(after)
        assert isinstance(before, np.ndarray)
        assert isinstance(after, np.ndarray)
        return drop(before, after)

    @cached_property
    def clusters(self) -> Clusters | None:
        """Return which scores are no independent draws, as `TaskRules.clusters` tells."""
        assert self.y is not None
        return self.rules.clusters(self.y)

    def worsening(self, before: Scores, after: Scores, confidence: float = CONFIDENCE) -> Worsening:
        """Return how much worse scores have become, as `drop` does, with the interval of that."""
        if isinstance(before, Judged) and isinstance(after, Judged):
            return before.worsening(after, confidence)
        assert isinstance(before, np.ndarray)
        assert isinstance(after, np.ndarray)
        return worsening(before, after, self.clusters, confidence)

    @property
    def tolerance(self) -> float:
        """The drop from which on something counts as worse: points of accuracy, or growth of the error."""
        return WORSE_POINTS if self.higher_is_better else WORSE_GROWTH

    @property
    def higher_is_better(self) -> bool:
        """Return whether more of what models are judged by is better; otherwise it is an error."""
        return self.metric.higher_is_better if self.metric else self.counts_right

    def described(self, found: Scores) -> str:
        """Return in words what scores amount to."""
        if isinstance(found, Judged):
            return f"a {found.metric.name} of {found.value:.4g}"
        return f"{int(found.sum())} right" if self.counts_right else f"a mean absolute error of {found.mean():.3f}"

    @property
    def counts_right(self) -> bool:
        """Return whether an answer is right or wrong; otherwise scores are errors."""
        return self.rules.counts_right

    def loss(self, model: keras.Model) -> Callable[[], float]:
        """Return a function that gives the mean loss of `model`, whose weights may change from call to call.

        It is that of a fair sample of 2,048, by the model's own loss or the one that fits the task.
        """
        assert self.y is not None
        loss, encode = loss_function(model, self.rules)
        rows = fair_order(self.y)[:LOSS_SAMPLES]
        count, inputs, targets = len(rows), [x[rows] for x in self.inputs], encode(self.y[rows])

        @compiled
        def of_batch(batch: Tensor, wanted: Tensor) -> Tensor:
            return loss(wanted, call(model, batch))

        def mean_loss() -> float:
            starts = range(0, count, LOSS_BATCH)
            losses = [
                float(
                    of_batch([tf.convert_to_tensor(x[i : i + LOSS_BATCH]) for x in inputs], targets[i : i + LOSS_BATCH])
                )
                for i in starts
            ]
            return float(np.average(losses, weights=[min(LOSS_BATCH, count - i) for i in starts]))

        return mean_loss

    def against(self, reference: TfliteArtifact) -> "Reference":
        """Return what compares files with `reference`, which is run once."""
        return Reference(self, reference)


@dataclass(frozen=True)
class Reference:
    """A file that others are compared with on the samples of an evaluator."""

    evaluator: Evaluator
    artifact: TfliteArtifact

    @property
    def feeds(self) -> dict[str, Array]:
        """The samples by the names of the file's inputs; none if there are no samples."""
        names = self.artifact.input_names if self.evaluator.inputs else []
        return dict(zip(names, self.evaluator.inputs, strict=True))

    def sample(self, count: int) -> dict[str, Array]:
        """Return a fair sample of at most `count` of the samples, by the names of the file's inputs."""
        labels = np.empty(len(self.evaluator)) if self.evaluator.y is None else self.evaluator.y
        rows = fair_order(labels)[:count]
        return {name: x[rows] for name, x in self.feeds.items()}

    @cached_property
    def outputs(self) -> Mapping[str, Array]:
        """Return what the reference answers, each output by its name."""
        return self.artifact.outputs(self.feeds) if self.feeds else {}

    @cached_property
    def scores(self) -> Scores | None:
        """Scores of the reference; None without labels."""
        return self._scored(self.outputs)

    def error(self, artifact: TfliteArtifact) -> float:
        """Return the root mean square of the outputs' difference from the reference, relative to its outputs."""
        found = artifact.outputs(self.feeds) if self.feeds else {}
        parts = [np.sqrt(np.mean((found[n] - w) ** 2) / max(np.mean(w**2), 1e-18)) for n, w in self.outputs.items()]
        return float(max(parts, default=0.0))

    def drop(self, artifact: TfliteArtifact) -> float:
        """Return how much worse than the reference a file is, as `Evaluator.drop` does; 0 without labels."""
        if self.scores is None:
            return 0.0
        return self.evaluator.drop(self.scores, self._found(artifact))

    def worsening(self, artifact: TfliteArtifact, confidence: float = CONFIDENCE) -> Worsening:
        """Return how much worse than the reference a file is, with the interval of that; there must be labels."""
        assert self.scores is not None
        return self.evaluator.worsening(self.scores, self._found(artifact), confidence)

    def _found(self, artifact: TfliteArtifact) -> Scores:
        found = self._scored(artifact.outputs(self.feeds))
        assert found is not None
        return found

    def _scored(self, outputs: Mapping[str, Array]) -> Scores | None:
        if self.evaluator.y is None:
            return None
        return self.evaluator.judged(side_by_side(outputs.values()), self._probabilities)

    @cached_property
    def _probabilities(self) -> bool:
        return self.artifact.gives_probabilities()
