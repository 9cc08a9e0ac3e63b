"""Quantization-aware training in Keras 3: of a copy of the model, which learns with rounded weights and activations.

The float model is the teacher, and each kernel learns at a rate relative to its own size. Normalizations stay live: a
factor for each output channel does not change which integers its weights are rounded to, so that one that is folded
into the kernel afterwards changes the steps alone: what is trained is what is folded.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfopt.core.outcome import Training
from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import ReplicatedSteps
from tfopt.distribution.strategies import make_strategy
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.graph.stateless_call import call_with_weights
from tfopt.runtime.progress import Progress
from tfopt.tasks.losses import loss_of, soft_loss
from tfopt.tasks.registry import rules_for
from tfopt.tasks.several import flat_outputs
from tfopt.techniques.qat.activation_rounding import ActivationRounding, Range, observe_ranges
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.learned_kernels import LearnedKernel, learned_kernels
from tfopt.techniques.qat.quantized_tensors import Place, find_quantized_tensors
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.projections import Preserved, cluster_assignment, preserving_projection
from tfopt.training.teacher import Teacher, load_teacher
from tfopt.typing import Tensor

MOST_SAMPLES = 256  # that ranges start from


class Trained(NamedTuple):
    """A model that was trained with rounded weights.

    Attributes:
        model: A model of the original architecture whose kernels are the rounded ones.
        kernels: The kernels with their integers and steps.
        ranges: The range of each tensor that was rounded, by its place.
        notes: Sentences for the report.
        history: Figures of each epoch.
        how: How it was trained.
    """

    model: keras.Model
    kernels: list[LearnedKernel]
    ranges: dict[Place, Range]
    notes: list[str]
    history: list[dict[str, float]]
    how: Training


def train_rounded(
    artifact: KerasArtifact, bits: dict[str, int], config: QatConfig, data: Dataset, progress: Progress
) -> Trained:
    """Train a copy of a model for few bits.

    Args:
        artifact: The model, of float32.
        bits: The bits of the weights of each layer by its name.
        config: How to train.
        data: The validation split selects the epoch; ranges start from the calibration split.
        progress: Is told of each step.
    """
    teacher = taught_by(config, artifact, data)
    observed = _observed(artifact.model, data, progress)
    with make_strategy(config).scope():
        model = artifact.fresh_model()
        kernels = learned_kernels(model, bits, clusters=config.keep_clusters)
        notes = _preserve(kernels, config)
        roundings = {place: ActivationRounding(found, fixed=place.call < 0) for place, found in observed.items()}
        learner = RoundedTraining(model, kernels, roundings)
        plan = FitPlan(
            config.most_epochs,
            config.batch_size,
            config.rate,
            config.seed,
            decay="cosine",
            augment=config.augment,
            relative=True,
            metric=config.metric,
        )
        result = fit(model, data, plan, progress, teacher=teacher, learner=learner, answering=learner)
    plain = artifact.fresh_model()
    plain.set_weights(model.get_weights())
    position = {id(weight): at for at, weight in enumerate(model.weights)}
    for kernel in kernels:
        plain.weights[position[id(kernel.weight)]].assign(kernel.values())
    best = f"epoch {result.best_epoch + 1}{plan.chosen_by}"
    notes.insert(0, f"trained for {len(result.history)} epochs, the weights are those of {best}")
    notes += [teacher.note] if teacher else []
    ranges = {place: rounding.range() for place, rounding in roundings.items()}
    how = Training([plan.lasting(len(result.history))], teacher)
    return Trained(plain, kernels, ranges, notes, result.history, how)


def taught_by(config: QatConfig, artifact: KerasArtifact, data: Dataset) -> Teacher | None:
    """Return the teacher; none if nothing is asked of it, or if the model as its own teacher cannot teach its task."""
    if config.answers_share == 0:
        return None
    rules = rules_for(data)
    hears = rules.takes_soft_targets(soft_loss(loss_of(artifact.model, rules)), artifact.output_shapes()[0][-1] or 1)
    return load_teacher(config, artifact, data) if hears or config.teacher != "self" else None


def _observed(model: keras.Model, data: Dataset, progress: Progress) -> dict[Place, Range]:
    """Return the ranges that training starts from; none of a model whose graph is not known."""
    if not is_graph(model):
        return {}
    samples = data.calibration.sample(MOST_SAMPLES).inputs
    with progress.task("calibrating", len(samples[0])) as advance:
        return observe_ranges(model, find_quantized_tensors(model), samples, advance)


def _preserve(kernels: list[LearnedKernel], config: QatConfig) -> list[str]:
    """Hold kernels to their zeros and shared weights; return notes on what there was to keep."""
    sparse = shared = 0
    for kernel in kernels:
        values = kernel.weight.numpy()
        projection = preserving_projection(values, sparsity=config.keep_sparsity, clusters=config.keep_clusters)
        if projection:
            kernel.weight.constraint = Preserved(projection, kernel.weight.constraint)
            sparse += config.keep_sparsity and not np.all(values)
            shared += config.keep_clusters and cluster_assignment(values) is not None
    notes = [f"kept the zeros of {sparse} kernels"] if sparse else []
    return notes + ([f"kept the shared weights of {shared} kernels"] if shared else [])


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
            if not is_graph(self.inner):
                return flat_outputs(self.inner(inputs, training=training))
            return flat_outputs(replay(self.inner, rounded(keras.tree.flatten(inputs), -1), visit))

        weights = [(kernel.weight, kernel.rounded()) for kernel in self._kernels]
        return call_with_weights(self.inner, weights, run, training=training)
