"""Rounding with or without compensation of errors, whichever does better.

GPTQ wins on networks with normalizations, and matching the statistics alone on some without.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfopt.evaluation.evaluator import Evaluator
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.runtime.progress import Progress
from tfopt.techniques.rounding.sequential import LevelsOf, Seen, round_model
from tfopt.typing import Array

WORDS = {"plain": False, "compensated": True}


class Choice(NamedTuple):
    """A rounded model, whether errors were made up for, what rounding met on its way, and a note on the choice."""

    model: keras.Model
    compensate: bool
    seen: Seen
    note: str


def choose_rounding(
    model: keras.Model,
    levels_of: LevelsOf,
    samples: Sequence[Array],
    evaluator: Evaluator,
    title: str,
    progress: Progress,
) -> Choice:
    """Round a copy of a model in two ways, and take the one that does better on the evaluator's split.

    Args:
        model: The float model, its normalizations folded.
        levels_of: The levels of each kernel.
        samples: What it is rounded by: an array (N, ...) for each input.
        evaluator: Judges by the validation split, or without labels by how far outputs are from those of `model`.
        title: The name of the model in messages.
        progress: Shows how far the work is.
    """
    candidates, seen = {}, Seen()
    with progress.task("rounding", 2 * len(list(named_layers(model)))) as advance:
        for word, compensate in WORDS.items():
            candidates[word] = rebuild(model, title)
            seen = round_model(model, candidates[word], levels_of, samples, advance, compensate=compensate)
    best, told = _best(model, candidates, evaluator)
    note = f"rounded on {len(samples[0]):,} samples; {told}: {best} it is"
    return Choice(candidates[best], WORDS[best], seen, note)


def _best(model: keras.Model, candidates: dict[str, keras.Model], evaluator: Evaluator) -> tuple[str, str]:
    """The better candidate, and what was found: by labels, and where they say nothing by how far outputs moved."""
    wanted, _ = evaluator.outputs(model)
    found = {word: evaluator.outputs(candidate) for word, candidate in candidates.items()}
    power = max(float(np.mean(wanted**2)), 1e-18)
    errors = {word: float(np.sqrt(np.mean((answers - wanted) ** 2) / power)) for word, (answers, _) in found.items()}
    if evaluator.y is None:
        told = " and ".join(f"{error:.2%} with {word} rounding" for word, error in errors.items())
        return min(errors, key=lambda word: errors[word]), f"outputs differ by {told}, on {evaluator.name}"
    judged = {word: evaluator.judged(*outputs) for word, outputs in found.items()}
    best = min(judged, key=lambda word: (evaluator.drop(judged["compensated"], judged[word]), errors[word]))
    told = " and ".join(f"{evaluator.described(those)} with {word} rounding" for word, those in judged.items())
    return best, f"{told}, on {len(evaluator)} validation samples"
