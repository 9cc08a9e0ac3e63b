"""Structured pruning: channels, units and heads leave the model for good, and the rest is fine-tuned.

What comes back is a plain Keras model of the same class with smaller layers (Li et al. 2017; Fang et al. 2023).
"""

from dataclasses import dataclass

import keras

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.config import StructuredConfig
from tfopt.data import Dataset
from tfopt.distribution.devices import strategy
from tfopt.errors import InputError
from tfopt.progress import Progress
from tfopt.pruning.narrowing import narrowed
from tfopt.pruning.prune import Pruned
from tfopt.pruning.removing import candidates, proof_inputs
from tfopt.pruning.shrinking import goal_of
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.seeding import seed_everything
from tfopt.training.teaching import Teacher, teacher_of


def prune_channels(
    artifact: KerasArtifact, config: StructuredConfig, data: Dataset | None, progress: Progress
) -> Pruned:
    """Remove channels from a copy of the model in `iterative` steps; with data each is followed by fine-tuning.

    Raises `UnsupportedError` if nothing can leave, `UnreachableError` if a target is out of reach, `SurgeryError` if the
    result is not the original without what left. Zeros in what stays are kept only while it is not fine-tuned.
    """
    teacher = teacher_of(config, artifact, data)
    seed_everything(config.seed)
    model = artifact.fresh_model()
    first = candidates(model, config, data, artifact.name)
    goal = goal_of(config, artifact, first, progress)
    history: list[dict[str, float]] = []
    found, removed, worst = first, 0, 0.0
    for step in range(1, config.iterative + 1):
        found = first if step == 1 else candidates(model, config, data, artifact.name)
        kept = goal.kept(found, step)
        removed += found.removed(kept)
        model, difference = found.without(kept, proof_inputs(model, data))
        worst = max(worst, difference)
        if data is not None:
            tuning = Tuning(artifact.name, config, data, teacher)
            model, epochs = tuning.tuned(model, step, progress)
            history.extend(epochs)
    if not removed:
        raise InputError(f"nothing leaves {artifact.name}: --amount {config.share:g} is less than one channel of any group")
    notes = [
        f"{removed:,} of {first.total():,} channels and heads that can leave have left (those that hang together count"
        f" once), the least important by {config.importance}",
        f"checked: every tensor is the original's with what left set to zero, but for {worst:.0e} of the largest number",
        *goal.reached(model),
        *first.notes,
        *([teacher.note] if teacher else []),
        *([] if data else ["not fine-tuned: there is no data"]),
    ]
    return Pruned(model, narrowed(artifact.model, model, first.graph), notes, history)


@dataclass(frozen=True)
class Tuning:
    """Fine-tuning after a removal, on the replicas that were asked for."""

    name: str
    config: StructuredConfig
    data: Dataset
    teacher: Teacher | None

    def tuned(
        self, model: keras.Model, step: int, progress: Progress
    ) -> tuple[keras.Model, list[dict[str, float]]]:
        """The model after the share of the epochs that step `step` has, and their history."""
        config = self.config
        epochs = config.epochs * step // config.iterative - config.epochs * (step - 1) // config.iterative
        plan = FitPlan(epochs, config.batch_size, config.learning_rate, config.seed + step - 1, decay="cosine")
        with strategy(config).scope():
            learner = KerasArtifact.of(model, self.name).fresh_model()
            history = fit(learner, self.data, plan, progress, teacher=self.teacher).history
        tuned = KerasArtifact.of(learner, self.name).fresh_model() if config.distributed else learner
        return tuned, history
