"""A student while it is taught: the model that is trained in its place, and shows nothing but the student's weights.

`keras.distillation` has the losses. Its Distiller counts the teacher's weights as its own, judges an epoch by the
teacher's answers too, and to see inner layers runs the student a second time, on validation samples as in training, so
that normalizations learn from them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

from tfopt.distribution.replicated import ReplicatedSteps
from tfopt.graph.model_io import call, packed_inputs
from tfopt.tasks.several import flat_outputs
from tfopt.techniques.distillation.feature_pairs import Pair, observed
from tfopt.typing import Array, Tensor


class Hint(NamedTuple):
    """A pair of layers and how much the distance between what they give weighs."""

    pair: Pair
    weight: float


class StudentTraining(ReplicatedSteps, keras.Model):
    """Learns from labels, by the loss it is compiled with, and from the answers of a teacher that does not learn.

    The loss is alpha labels + (1 - alpha) (answers + hints); on validation samples it is that of the labels alone. The
    `hints` are mean squared distances between layers, where channels differ after a learnt projection of the student's.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        answers: keras.distillation.DistillationLoss,
        alpha: float,
        hints: Sequence[Hint] = (),
    ) -> None:
        super().__init__(name="lesson")
        teacher.trainable = False
        self.student = student
        self.teacher = teacher
        self.answers = answers
        self.alpha = alpha
        self.hints = list(hints)
        self.distance = keras.distillation.FeatureDistillation(loss=keras.losses.MeanSquaredError())
        self.projections = [_projection(hint.pair) for hint in hints]

    def call(self, inputs: Tensor, training: bool = False) -> list[Tensor]:
        """The student's answer, and what its paired layers give, as the teacher's channels."""
        if not self.hints:
            given = packed_inputs(self.student, keras.tree.flatten(inputs))
            return [flat_outputs(self.student(given, training=training))]
        names = [hint.pair.student.name for hint in self.hints]
        answer, *maps = observed(self.student, keras.tree.flatten(inputs), names, training=training)
        return [answer, *(project(given) for project, given in zip(self.projections, maps, strict=True))]

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch; weights say only how much this replica's share of a batch counts."""
        answer, *maps = y_pred
        labels = super().compute_loss(x, y, answer, sample_weight, training)
        if not training or self.alpha == 1:
            return labels
        wanted, *wanted_maps = self._taught(keras.tree.flatten(x))
        soft = self.answers.compute_loss(wanted, answer)
        for hint, theirs, ours in zip(self.hints, wanted_maps, maps, strict=True):
            soft += hint.weight * self.distance.compute_loss(theirs, ours)
        if sample_weight is not None:
            soft *= ops.mean(sample_weight)
        # Of the student's weights: they are in the loss of the labels, by alpha. The replicas' losses are summed.
        penalties = sum(self.losses) / tf.distribute.get_strategy().num_replicas_in_sync
        return self.alpha * labels + (1 - self.alpha) * (soft + penalties)

    def _taught(self, inputs: list[Tensor]) -> list[Tensor]:
        if not self.hints:
            return [flat_outputs(call(self.teacher, inputs))]
        return observed(self.teacher, inputs, [hint.pair.teacher.name for hint in self.hints], training=False)

    def compute_metrics(self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> dict[str, Tensor]:
        """Those of the student's answer."""
        found: dict[str, Tensor] = super().compute_metrics(x, y, y_pred[0], sample_weight)
        return found

    def get_weights(self) -> list[Array]:
        """The student's."""
        weights: list[Array] = self.student.get_weights()
        return weights

    def set_weights(self, weights: list[Array]) -> None:
        """Give them to the student."""
        self.student.set_weights(weights)


def _projection(pair: Pair) -> keras.Layer:
    """A dense layer on the channels of every position, which on an image is a 1x1 convolution."""
    if not pair.projected:
        return keras.layers.Identity()
    projection = keras.layers.Dense(pair.teacher.channels, use_bias=False)
    projection.build((None, *pair.student.resolution, pair.student.channels))
    return projection


def weighed(pairs: Sequence[Pair], teacher: keras.Model, inputs: Sequence[Tensor]) -> list[Hint]:
    """Pairs with weights by which each distance is a share of what the teacher's layer gives, on average over `inputs`.

    All pairs together weigh as much as the answers.
    """
    tensors = [ops.convert_to_tensor(x) for x in inputs]
    _, *maps = observed(teacher, tensors, [pair.teacher.name for pair in pairs], training=False)
    powers = [max(float(ops.mean(ops.square(given))), 1e-6) for given in maps]
    return [Hint(pair, 1 / (len(pairs) * power)) for pair, power in zip(pairs, powers, strict=True)]
