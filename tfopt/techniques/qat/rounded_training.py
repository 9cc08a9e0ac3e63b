"""A model while it is trained for few bits: it is called with rounded weights, and its activations are rounded.

Normalizations stay live. A factor for each output channel does not change which integers its weights are rounded to, so
that one that is folded into the kernel afterwards changes the steps alone: what is trained is what is folded.
"""

from collections.abc import Mapping, Sequence

import keras

from tfopt.distribution.replicated import ReplicatedSteps
from tfopt.graph.replay import Call, replay
from tfopt.graph.stateless_call import call_with_weights
from tfopt.tasks.several import flat_outputs
from tfopt.techniques.qat.activation_rounding import ActivationRounding
from tfopt.techniques.qat.learned_kernels import LearnedKernel
from tfopt.techniques.qat.quantized_tensors import Place
from tfopt.typing import Tensor


class RoundedTraining(ReplicatedSteps, keras.Model):
    """Trains the weights of `model` in place, with the steps of its kernels and the ranges of its activations."""

    def __init__(
        self,
        model: keras.Model,
        kernels: Sequence[LearnedKernel],
        roundings: Mapping[Place, ActivationRounding],
    ) -> None:
        super().__init__(name="rounded_training")
        self.inner = model
        self.log_steps = [kernel.log_steps for kernel in kernels]
        self.rounding_layers = list(roundings.values())
        self._kernels = list(kernels)
        self._places = list(roundings)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the outputs of the model, several of them side by side."""
        roundings = dict(zip(self._places, self.rounding_layers, strict=True))
        number = -1

        def rounded(tensors: Sequence[Tensor], call: int) -> list[Tensor]:
            found = [(roundings.get(Place(call, position)), tensor) for position, tensor in enumerate(tensors)]
            return [rounding(tensor) if rounding else tensor for rounding, tensor in found]

        def visit(call: Call) -> Tensor:
            nonlocal number
            number += 1
            options = {"training": training} if isinstance(call.operation, keras.Layer) else {}
            outputs = call.operation(*call.args, **call.kwargs, **options)
            return rounded(keras.tree.flatten(outputs), number)

        def run() -> Tensor:
            return flat_outputs(replay(self.inner, rounded(keras.tree.flatten(inputs), -1), visit))

        weights = [(kernel.weight, kernel.rounded()) for kernel in self._kernels]
        return call_with_weights(self.inner, weights, run, training=training)
