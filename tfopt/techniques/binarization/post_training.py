"""Binarization without training: the better of two roundings."""

from collections.abc import Mapping
from math import prod

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.runtime.progress import Progress
from tfopt.techniques.binarization.layer_changes import RoundedModel
from tfopt.techniques.binarization.rounding import Levels
from tfopt.techniques.binarization.sequential_rounding import rounded

LEAST_SAMPLES, MOST_SAMPLES = 16, 256  # that rounding looks at
MOST_BYTES = 2e9  # of what the layers answer then


def best_rounding(
    model: keras.Model,
    levels: Mapping[str, Levels],
    data: Dataset,
    evaluator: Evaluator,
    title: str,
    progress: Progress,
) -> RoundedModel:
    """The better of two roundings, with and without compensation of errors, on the validation split."""
    before, pairs = fold_batch_norms(model, title)
    samples = data.calibration.sample(_most_samples(before)).inputs
    candidates, blind = {}, []
    with progress.task("rounding", 2 * len(list(named_layers(before)))) as advance:
        for word, compensate in (("plain", False), ("compensated", True)):
            candidates[word] = rebuild(before, title)
            blind = rounded(before, candidates[word], levels, list(samples), advance, compensate=compensate)
    found = {word: evaluator.judge(candidate) for word, candidate in candidates.items()}
    best = min(found, key=lambda word: evaluator.drop(found["compensated"], found[word]))
    told = " and ".join(f"{evaluator.described(those)} with {word} rounding" for word, those in found.items())
    notes = [
        f"rounded on {len(samples[0])} calibration samples; {told}, on {len(evaluator)} validation samples:"
        f" {best} it is"
    ]
    if blind:
        notes.append(f"rounded without a look at what they are fed, and so less well: {', '.join(blind)}")
    return RoundedModel(candidates[best], pairs, frozenset(), notes, [])


def _most_samples(model: keras.Model) -> int:
    """As many as fit into memory with all that two models answer on the way, at most 256."""
    values = sum(prod(size or 1 for size in layer.output.shape[1:]) for layer in model.layers if _has_one_output(layer))
    return int(np.clip(MOST_BYTES / (2 * 4 * max(values, 1)), LEAST_SAMPLES, MOST_SAMPLES))


def _has_one_output(layer: keras.Layer) -> bool:
    try:
        return isinstance(layer.output, keras.KerasTensor)
    except (AttributeError, ValueError):  # it is called several times
        return False
