"""Knowledge distillation (Hinton et al. 2015, arXiv:1503.02531) at temperature 1, for fine-tuning.

Cross-entropy is linear in its target, so to learn from the labels and from a teacher, weighed against each other, is to
learn from one target: the weighed mean of both (and so it is, but for a constant, with squared errors). It is computed
once, where the training samples do not change; where they do, the teacher is asked about each batch as it is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
from scipy.special import expit, softmax

from tfopt.config.fine_tuning import TaughtConfig
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.artifact import Shape
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.graph.model_io import call
from tfopt.tasks.losses import loss_of, soft_loss, takes_logits
from tfopt.tasks.registry import rules_for
from tfopt.training.augmentation import Augment
from tfopt.typing import Array, Tensor


class Teacher(NamedTuple):
    """A model whose answers are learnt as well as the labels.

    Attributes:
        predict: Gives its outputs (N, K) for samples, an array (N, ...) for each input.
        weight: The share of its answers in what is learnt.
        logits: Whether its outputs are logits, rather than probabilities or numbers.
        several: Whether each is that of a label by itself.
        name: What reports call it.
        model: The same as a Keras model, to be asked within a graph.
    """

    predict: Callable[[Sequence[Array]], Array]
    weight: float
    logits: bool = False
    several: bool = False
    name: str = "the model"
    model: keras.Model | None = None

    @property
    def note(self) -> str:
        """A sentence for the report."""
        return f"fine-tuned with {self.name} as teacher, whose answers are {self.weight:.0%} of what was learnt"


def load_teacher(config: TaughtConfig, artifact: KerasArtifact, data: Dataset | None) -> Teacher | None:
    """Load the teacher that a config names.

    Args:
        config: Names it, and says how much it counts.
        artifact: The model that learns, which may be its own teacher.
        data: What is learnt.

    Returns:
        None if the config names no teacher.

    Raises:
        InputError: There are no data, or the shapes of the two models differ.
        UnsupportedError: The model cannot learn from a teacher.
    """
    if config.teacher is None:
        return None
    if data is None:
        raise InputError(f"`teacher` {config.teacher} needs samples to answer, and there is no data: give `data`")
    given = artifact if config.teacher == "self" else load_keras(config.teacher)
    check_same_shapes(artifact, given)
    rules = rules_for(data)
    loss = soft_loss(loss_of(artifact.model, rules))
    if not rules.takes_soft_targets(loss, artifact.output_shapes()[0][-1] or 1):
        reason = "it translates" if data.task == "translation" else f"its loss, {_name(loss)}, takes labels only"
        raise UnsupportedError(f"{artifact.name} cannot learn from `teacher` {config.teacher}: {reason}")
    logits = takes_logits(loss_of(given.model, rules))
    return Teacher(given.predict, config.answers_share, logits, rules.several, given.name, given.model)


def check_same_shapes(student: KerasArtifact, teacher: KerasArtifact) -> None:
    """Raise `InputError` if the inputs or outputs of a student have other shapes than its teacher's."""
    for what, ours, theirs in (
        ("inputs", student.input_shapes(), teacher.input_shapes()),
        ("outputs", student.output_shapes(), teacher.output_shapes()),
    ):
        if len(ours) != len(theirs) or not all(map(_same_shape, ours, theirs)):
            raise InputError(
                f"{student.name} has {what} of shape {_shapes(ours)}, but its teacher {teacher.name} {_shapes(theirs)}:"
                " they must be the same"
            )


def blended_targets(teacher: Teacher, data: Dataset, encode: Callable[[Array], Array]) -> Array:
    """Mix the labels of the train split with a teacher's answers.

    Args:
        teacher: The teacher, and the share of its answers.
        data: The data set.
        encode: Makes targets (N, K) of labels (N,).

    Returns:
        Targets (N, K) as float32.
    """
    answers = teacher.predict(data.train.inputs)
    if teacher.logits:
        answers = expit(answers) if teacher.several or answers.shape[-1] == 1 else softmax(answers, axis=-1)
    return ((1 - teacher.weight) * encode(data.train.y) + teacher.weight * answers).astype(np.float32)


def answering(teacher: Teacher, augment: Augment) -> Augment:
    """Return an augmentation after which the teacher is asked about the samples that the student sees.

    Args:
        teacher: The teacher, whose `model` is known.
        augment: Changes the inputs and the targets (N, K) of a batch, which are those of the labels alone.
    """

    def answered(inputs: Sequence[Tensor], y: Tensor, key: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        inputs, y = augment(inputs, y, key)
        assert teacher.model is not None
        [answers] = keras.tree.flatten(call(teacher.model, list(inputs)))
        if teacher.logits:
            single = teacher.several or answers.shape[-1] == 1
            answers = keras.ops.sigmoid(answers) if single else keras.ops.softmax(answers)
        return inputs, (1 - teacher.weight) * keras.ops.cast(y, answers.dtype) + teacher.weight * answers

    return answered


def _same_shape(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(a == b or None in (a, b) for a, b in zip(one[1:], other[1:], strict=True))


def _shapes(shapes: Sequence[Shape]) -> str:
    return " and ".join(str(shape[1:]) for shape in shapes)


def _name(loss: keras.losses.Loss | str) -> str:
    return loss if isinstance(loss, str) else str(loss.name)
