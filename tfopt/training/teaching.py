"""Knowledge distillation (Hinton et al. 2015, arXiv:1503.02531) at temperature 1.

Cross-entropy is linear in its target, so to learn from the labels and from a teacher, weighed against each other, is to
learn from one target: the weighed mean of both. It is computed once, because the training samples do not change.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from tfopt.data import Dataset
from tfopt.training.objective import label_encoder, takes_logits

Array = NDArray[Any]


class Teacher(NamedTuple):
    """What answers samples, an array (N, ...) an input, by outputs (N, K), and how much that counts against labels."""

    predict: Callable[[Sequence[Array]], Array]
    weight: float = 0.9


def can_be_taught(loss: keras.losses.Loss | str, classes: int) -> bool:
    """Whether a model with that many outputs and this `soft_loss` can learn from a teacher's answers."""
    return label_encoder(loss, classes)(np.zeros(1, np.int64)).ndim > 1


def taught(teacher: Teacher, data: Dataset, loss: keras.losses.Loss | str, encode: Callable[[Array], Array]) -> Array:
    """Targets (N, K) for the train split: its labels, as `encode` makes them for `loss`, and the teacher's answers.

    A loss that takes class indices only cannot hear a teacher: the labels alone are returned for it.
    """
    labels = encode(data.train.y)
    if labels.ndim < 2:
        return labels
    answers = teacher.predict(data.train.inputs)
    if takes_logits(loss):
        answers = expit(answers) if answers.shape[1] == 1 else softmax(answers, axis=1)
    return ((1 - teacher.weight) * labels + teacher.weight * answers).astype(np.float32)
