"""A student is to answer as its teacher does (Hinton et al. 2015, arXiv:1503.02531).

A classifier's probabilities are softened by a temperature T: softmax(z / T) of its logits z shows which wrong classes
it holds for more likely than others. The student's distance from them is T^2 KL(teacher || student): gradients shrink
by T^2, and the factor makes up for it (section 2). A model that ends in a softmax has no logits to give, but the
logarithms of its probabilities are as good: they differ from them by a constant, which a softmax does not see.
"""

import keras
from keras import ops

from tfopt.typing import Tensor

LEAST = 1e-30  # of a probability, so that it has a logarithm in float32


class Softened(keras.distillation.LogitsDistillation):
    """T^2 KL between the softened answers of two classifiers, each of which gives probabilities or logits.

    An output (N, 1) is the score of class 1 of two.
    """

    def __init__(self, temperature: float, *, teacher_logits: bool, student_logits: bool) -> None:
        # Keras' default "kl_divergence" becomes a function, for which it applies neither softmax nor T^2.
        super().__init__(temperature, keras.losses.KLDivergence())
        self.teacher_logits = teacher_logits
        self.student_logits = student_logits

    def compute_loss(self, teacher_outputs: Tensor, student_outputs: Tensor, **kwargs: object) -> Tensor:  # noqa: ARG002
        """The mean over the samples of the batch."""
        return super().compute_loss(
            logits(teacher_outputs, given=self.teacher_logits), logits(student_outputs, given=self.student_logits)
        )


def logits(outputs: Tensor, *, given: bool) -> Tensor:
    """Logits (N, K) of outputs that are probabilities, or logits if these are `given`; two of an output (N, 1)."""
    outputs = ops.cast(outputs, "float32")
    single = outputs.shape[-1] == 1
    if given:
        return ops.concatenate([ops.zeros_like(outputs), outputs], axis=-1) if single else outputs
    if single:
        outputs = ops.concatenate([1 - outputs, outputs], axis=-1)
    return ops.log(ops.maximum(outputs, LEAST))


def numbers() -> keras.distillation.DistillationLoss:
    """The mean squared distance between the answers of two models that give numbers: there is nothing to soften."""
    return keras.distillation.FeatureDistillation(loss=keras.losses.MeanSquaredError())
