"""Whatever a model was compiled for: its own loss says how good an answer is, and labels are fed as they are stored."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.tasks.rules import Loss, Shape, TaskRules
from tfopt.typing import Array

BATCH = 256
ROUNDING = 1e-6  # by which a loss that cannot be negative is below 0


class OwnLoss(TaskRules):
    """Labels (N, ...) and outputs (N, ...) that the loss of a model takes; a sample's error is its loss.

    Args:
        loss: A loss of Keras, the name of one, or a function of labels and outputs; None before a model is known.
    """

    task = "compiled"
    saved_metrics = ()

    def __init__(self, loss: object = None) -> None:
        self.loss = loss

    def scores(self, outputs: Array, y: Array, *, probabilities: bool = True) -> Array:  # noqa: ARG002
        """Return the loss of each sample (N,); one that is not finite is infinite."""
        errors = self._losses(outputs, y)
        if (errors < -ROUNDING).any():
            raise InputError(
                "the loss of the model is negative for some samples; `task` compiled needs one of 0 or more"
            )
        return np.where(np.isfinite(errors), np.maximum(errors, 0), np.inf)

    def _losses(self, outputs: Array, y: Array) -> Array:
        found = keras.losses.get(self.loss)
        function = found.call if isinstance(found, keras.losses.Loss) else found
        losses = []
        for start in range(0, len(y), BATCH):
            rows = slice(start, start + BATCH)
            value = np.asarray(
                function(keras.ops.convert_to_tensor(y[rows]), keras.ops.convert_to_tensor(outputs[rows]))
            )
            if value.ndim == 0:
                raise InputError("the loss of the model gives one number for a batch; one for each sample is needed")
            losses.append(value.reshape(len(value), -1).mean(axis=1, dtype=np.float64))
        return np.concatenate(losses)

    def default_loss(self, model: keras.Model, output: int = 0) -> Loss:  # noqa: ARG002
        """Return the loss of the model that the data were matched with."""
        known: Loss = self.loss
        return known

    def takes_soft_targets(self, loss: Loss, width: int) -> bool:  # noqa: ARG002
        """Nobody knows whether answers of another model are labels."""
        return False

    def metric(self, *, soft_binary: bool = False) -> None:  # noqa: ARG002
        """There is none in training but the loss."""
        return

    def output_shape(self, data: Dataset) -> tuple[int, ...]:
        """No model is built for a loss that it does not have."""
        raise InputError(
            f"`task` compiled is for models that have a loss: bring one to {data.config.source}, or give another `task`"
        )

    def check_outputs(self, data: Dataset, name: str, output: Shape) -> None:
        """Raise `InputError` if the loss does not take such labels and outputs."""
        if self.loss is None:
            raise InputError(f"`task` compiled judges by the loss of a model, but {name} was saved without one")
        y = data.train.y[:1]
        sizes = [y.shape[at] if size is None and at < y.ndim else size or 1 for at, size in enumerate(output)]
        try:
            self._losses(np.full((1, *sizes[1:]), 0.5, np.float32), y)  # no answer: it may be negative
        except InputError:
            raise
        except Exception as error:  # whatever a loss stumbles over
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"the loss of {name} does not take labels of shape {y.shape[1:]} with outputs of shape {output[1:]}:"
                f" {reason}"
            ) from error

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """No method without a model answers what only a loss judges."""
        raise ValueError(data.task)
