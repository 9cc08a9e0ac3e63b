"""Binarization without training: the better of two roundings."""

from collections.abc import Mapping
from math import prod

import keras
import numpy as np

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.binarization.outcome import Outcome
from tfopt.binarization.post_training import rounded
from tfopt.binarization.rounding import Levels
from tfopt.data import Dataset
from tfopt.graphs.folding import folded
from tfopt.graphs.leaves import leaves
from tfopt.graphs.rebuilding import rebuilt
from tfopt.measure.accuracy import predicted_classes
from tfopt.progress import Progress

LEAST_SAMPLES, MOST_SAMPLES = 16, 256  # that rounding looks at
MOST_BYTES = 2e9  # of what the layers answer then


def best_rounding(
    model: keras.Model, levels: Mapping[str, Levels], data: Dataset, title: str, progress: Progress
) -> Outcome:
    """The better of two roundings, with and without compensation of errors, on the validation split."""
    before, pairs = folded(model, title)
    samples = data.calibration.x[: _most_samples(before)]
    candidates, blind = {}, []
    with progress.task("rounding", 2 * len(list(leaves(before)))) as advance:
        for word, compensate in (("plain", False), ("compensated", True)):
            candidates[word] = rebuilt(before, title)
            blind = rounded(before, candidates[word], levels, [samples], advance, compensate=compensate)
    found = {word: right(candidate, data) for word, candidate in candidates.items()}
    best = max(found, key=lambda word: found[word])
    told = " and ".join(f"{count} right with {word} rounding" for word, count in found.items())
    notes = [
        f"rounded on {len(samples)} calibration samples; {told}, of {len(data.validation.x)} validation samples:"
        f" {best} it is"
    ]
    if blind:
        notes.append(f"rounded without a look at what they are fed, and so less well: {', '.join(blind)}")
    return Outcome(candidates[best], pairs, frozenset(), notes, [])


def _most_samples(model: keras.Model) -> int:
    """As many as fit into memory with all that two models answer on the way, at most 256."""
    values = sum(prod(size or 1 for size in layer.output.shape[1:]) for layer in model.layers if _has_one_output(layer))
    return int(np.clip(MOST_BYTES / (2 * 4 * max(values, 1)), LEAST_SAMPLES, MOST_SAMPLES))


def _has_one_output(layer: keras.Layer) -> bool:
    try:
        return isinstance(layer.output, keras.KerasTensor)
    except (AttributeError, ValueError):  # it is called several times
        return False


def right(model: keras.Model, data: Dataset) -> int:
    """How many samples of the validation split a model answers right."""
    outputs = KerasArtifact("candidate", model, b"", None).predict(data.validation.x)
    return int(np.sum(predicted_classes(outputs) == data.validation.y))
