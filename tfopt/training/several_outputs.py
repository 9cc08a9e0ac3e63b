"""A model with several outputs while it is trained: its answers stand side by side, as labels do."""

import keras

from tfopt.distribution.replicated import ReplicatedSteps
from tfopt.graph.model_io import packed_inputs
from tfopt.tasks.several import flat_outputs
from tfopt.typing import Array, Tensor


class FlatOutputs(ReplicatedSteps, keras.Model):
    """Gives the outputs of a model flattened side by side, (N, F), and has its weights."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="flat_outputs")
        self.inner = model

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Run the model."""
        return flat_outputs(self.inner(packed_inputs(self.inner, keras.tree.flatten(inputs)), training=training))

    def get_weights(self) -> list[Array]:
        """Those of the model."""
        weights: list[Array] = self.inner.get_weights()
        return weights

    def set_weights(self, weights: list[Array]) -> None:
        """Give them to the model."""
        self.inner.set_weights(weights)
