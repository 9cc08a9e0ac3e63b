"""Translation: each word of the target, given those before it, is right or wrong; whole sentences have a BLEU."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.vectorizer import PADDING
from tfopt.errors import InputError
from tfopt.tasks.classes import cross_entropy
from tfopt.tasks.rules import Loss, Shape, TaskRules
from tfopt.typing import Array, Clusters, Tensor


class Translation(TaskRules):
    """Target tokens (N, T), outputs (N, T, V)."""

    task = "translation"
    counts_right = True
    saved_metrics = ()
    cluster = "sentences"

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:  # noqa: ARG002
        """Return whether each target word (M,) of all sentences is the most probable one."""
        found: Array = (np.argmax(np.nan_to_num(outputs), axis=-1) == y)[y != PADDING]
        return found

    def clusters(self, y: Array) -> Clusters | None:
        """Return the sentence of each word."""
        sentences: Clusters = np.nonzero(y != PADDING)[0]
        return sentences

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:
        """Return the cross-entropy of words that are no padding."""
        return cross_entropy(model, output, ignored=PADDING)

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:  # noqa: ARG002
        """A loss that leaves out padding takes the ids of words."""
        return False

    def metric(self, *, soft_binary: bool = False) -> keras.metrics.Metric | str:  # noqa: ARG002
        """Return the accuracy of the words, without padding."""
        return keras.metrics.MeanMetricWrapper(words_right, name="accuracy")

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """Return a score for each word at each place."""
        assert data.target_vectorizer is not None
        return (*data.train.inputs[1].shape[1:], data.target_vectorizer.size)

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if outputs are no scores of the target words."""
        size = data.target_vectorizer.size if data.target_vectorizer else None
        if len(output) != 3 or output[2] != size:
            raise InputError(
                f"{name} gives outputs of shape {output[1:]}; {data.config.source} has {size} words to choose from"
            )

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """There is none by words; that of sentences is BLEU (`tfopt.evaluation.bleu`)."""
        raise ValueError(data.task)


def words_right(wanted: Tensor, outputs: Tensor) -> Tensor:
    """Share of the words of each sentence (N, T) that are the most probable in outputs (N, T, V)."""
    real = keras.ops.cast(wanted != PADDING, outputs.dtype)
    found = keras.ops.cast(keras.ops.argmax(outputs, axis=-1), wanted.dtype)
    right = keras.ops.cast(found == wanted, outputs.dtype) * real
    return keras.ops.sum(right, axis=-1) / keras.ops.maximum(keras.ops.sum(real, axis=-1), 1)
