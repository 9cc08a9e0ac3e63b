"""Structured pruning: channels, units and heads leave the model for good, and the rest is fine-tuned.

What comes back is a plain Keras model of the same class with smaller layers (Li et al. 2017; Fang et al. 2023).
"""

from typing import NamedTuple

import keras
import numpy as np

from tfopt.config.choices import Scope
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.model_copy import compile_like
from tfopt.techniques.repair import Left, Repair, Repaired, repair_on_train
from tfopt.techniques.structured.candidates import Candidates, candidates, proof_inputs
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.fine_tuning import FineTuning
from tfopt.techniques.structured.layer_changes import narrowed, shapes_of
from tfopt.techniques.structured.targets import Goal, goal_of
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import load_teacher
from tfopt.typing import Array

WORDS: dict[Scope, str] = {"global": "with amounts solved for", "local": "with the same share of each group"}


def prune_channels(artifact: KerasArtifact, config: StructuredConfig, context: Context) -> Outcome:
    """Remove channels from a copy of the model in `iterative` steps; with data each is followed by fine-tuning.

    Raises `UnsupportedError` if nothing can leave, `UnreachableError` if a target is out of reach, `SurgeryError` if
    the result is not the original without what left. Zeros in what stays are kept only while it is not fine-tuned.
    """
    data, progress = context.data, context.progress
    teacher = load_teacher(config, artifact, data)
    seed_everything(config.seed)
    model = artifact.fresh_model()
    first = candidates(model, config, data, artifact.name)
    goal = goal_of(config, artifact, first, progress)
    fine_tuning = FineTuning(artifact.name, config, data, teacher) if data is not None else None
    history: list[dict[str, float]] = []
    removed, worst = 0, 0.0
    errors: dict[str, Repaired] = {}
    told: list[str] = []
    for step in range(1, config.iterative + 1):
        found = first if step == 1 else candidates(model, config, data, artifact.name)
        cut = make_smaller(found, goal, step, config, context)
        model, worst = cut.model, max(worst, cut.difference)
        removed += found.removed(cut.kept)
        if not removed and step == config.iterative:
            raise InputError(f"nothing leaves {artifact.name}: {_why_nothing(config)}")
        errors |= cut.repair.errors
        told += cut.repair.notes
        if fine_tuning and removed:
            model, epochs = fine_tuning.run(model, step, progress)
            history.extend(epochs)
    exactly = f"{worst:.0e} of its largest number" if worst else "the last bit"
    notes = [
        f"{removed:,} of {first.total():,} channels and heads that can leave have left (those that hang together count"
        f" once), the least important by {config.measure(with_data=data is not None)}",
        "checked before anything was fitted: every tensor of the smaller model is that of the original with what left"
        f" set to zero, to {exactly}",
        *told,
        *goal.reached(model),
        *first.notes,
        *([teacher.note] if teacher else []),
        *([] if data and config.epochs else [f"not fine-tuned: {'`epochs` is 0' if data else 'there is no data'}"]),
    ]
    changes = narrowed(first, shapes_of(model), errors)
    compile_like(artifact.model, model)
    made = KerasArtifact.from_model(model, artifact.name)
    training = fine_tuning.training if fine_tuning else None
    return Outcome(made, layers=changes, notes=notes, history=history, training=training)


class Cut(NamedTuple):
    """A smaller model: what is kept, the largest difference that its proof found, and its repair."""

    model: keras.Model
    kept: Array
    difference: float
    repair: Repair = Repair({}, 0.0, ())


def make_smaller(found: Candidates, goal: Goal, step: int, config: StructuredConfig, context: Context) -> Cut:
    """Make the smaller model of a step, repaired if it is to be; of several scopes the one of least validation loss."""
    data = context.data
    scopes = config.scopes(with_data=data is not None)
    cuts: dict[Scope, Cut] = {}
    for scope in scopes:
        kept = goal.kept_ids(found, step, scope)
        cut = Cut(*_proven(found, kept, data))
        if config.repair and data is not None and context.evaluator is not None and found.removed(kept):
            left = Left(found.graph, kept)
            made = repair_on_train(found.model, cut.model, left, data, context.evaluator, context.progress)
            cut = cut._replace(repair=made)
        cuts[scope] = cut
    best = min(cuts.values(), key=lambda cut: np.nan_to_num(cut.repair.loss, nan=np.inf))
    if len(cuts) == 1:
        return best
    tried = " and ".join(f"{cut.repair.loss:.4f} {WORDS[scope]}" for scope, cut in cuts.items())
    note = f"the validation loss is {tried}: the lower one it is"
    return best._replace(repair=best.repair._replace(notes=(*best.repair.notes, note)))


def _proven(found: Candidates, kept: Array, data: Dataset | None) -> tuple[keras.Model, Array, float]:
    small, difference = found.without(kept, proof_inputs(found.model, data))
    return small, kept, difference


def _why_nothing(config: StructuredConfig) -> str:
    if config.target:
        name, share = config.target
        return f"it is at `{name}` {share:g} already"
    held = [f"`{name}` {getattr(config, name)}" for name in ("min_channels", "round_to") if getattr(config, name) > 1]
    kept = f" beside what {' and '.join(held)} keep" if held else ""
    return f"`amount` {config.share:g} is less than one channel of any group{kept}"
