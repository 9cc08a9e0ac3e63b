"""A float model and the one that is being rounded run side by side, a layer at a time, in batches.

Each tensor is a pair of lists of batches, of which no more are held than later layers read. As long as nothing was
rounded both lists are one, and the second model costs nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.liveness import peak_values
from tfopt.graph.replay import Call
from tfopt.typing import Array, Tensor

LEAST_SAMPLES, MOST_SAMPLES = 16, 1024  # that rounding looks at
MOST_BYTES = 2e9  # of what both models answer on the way
BATCH = 64
BATCH_VALUES = 2**26  # of a batch that are held at once


class Batches:
    """A tensor in the float model and its counterpart in the rounded one; the same list as long as both agree."""

    def __init__(self, before: list[Tensor], after: list[Tensor]) -> None:
        self.before = before
        self.after = after

    @property
    def agree(self) -> bool:
        """Tell whether nothing that the tensor depends on was rounded."""
        return self.before is self.after


def most_samples(model: keras.Model) -> int:
    """Return how many samples fit into memory with all that both models hold of them, 16 to 1,024."""
    return int(np.clip(MOST_BYTES / (2 * 4 * max(peak_values(model), 1)), LEAST_SAMPLES, MOST_SAMPLES))


def batches_of(model: keras.Model, samples: Sequence[Array]) -> list[Batches]:
    """Split an array (N, ...) for each input of a model into batches."""
    size = int(np.clip(BATCH_VALUES / max(peak_values(model), 1), 1, BATCH))
    found = []
    for x in samples:
        parts = [tf.constant(x[start : start + size]) for start in range(0, len(x), size)]
        found.append(Batches(parts, parts))
    return found


class PairedCall:
    """A call of a layer in both models.

    Args:
        call: The call in the float model, whose tensors are `Batches`.
        twin: What it calls in the rounded one.
    """

    def __init__(self, call: Call, twin: keras.Operation) -> None:
        self.call = call
        self.twin = twin
        self.given = [x for x in keras.tree.flatten((call.args, call.kwargs)) if isinstance(x, Batches)]

    @property
    def agree(self) -> bool:
        """Tell whether the inputs are the same in both models."""
        return all(tensor.agree for tensor in self.given)

    def before(self) -> Iterator[Call]:
        """Yield the call of each batch in the float model."""
        return self._calls(lambda tensor: tensor.before, self.call.operation)

    def after(self) -> Iterator[Call]:
        """Yield the call of each batch in the rounded model."""
        return self._calls(lambda tensor: tensor.after, self.twin)

    def answers(self, *, same: bool) -> list[Batches]:
        """Call both layers; `same` says that they answer alike, so that one is enough."""
        before = _columns(call.infer() for call in self.before())
        after = before if same else _columns(call.infer() for call in self.after())
        return [Batches(*pair) for pair in zip(before, after, strict=True)]

    def _calls(self, side: Callable[[Batches], list[Tensor]], operation: keras.Operation) -> Iterator[Call]:
        for number in range(len(self.given[0].before) if self.given else 1):
            args, kwargs = keras.tree.map_structure(
                lambda leaf, number=number: side(leaf)[number] if isinstance(leaf, Batches) else leaf,
                (self.call.args, self.call.kwargs),
            )
            yield self.call._replace(args=args, kwargs=kwargs, operation=operation)


def _columns(answers: Iterator[Tensor]) -> list[list[Tensor]]:
    """Turn the outputs of each batch into the batches of each output."""
    return [list(column) for column in zip(*(keras.tree.flatten(answer) for answer in answers), strict=True)]
