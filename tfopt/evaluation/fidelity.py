"""Fidelity: the agreement of a file with the original, on samples that nobody has labelled.

That says nothing of how right either is: only that what was right stays so as often as they agree.
"""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr
from scipy.stats import binomtest

from tfopt.evaluation.metrics.answers import class_probabilities
from tfopt.evaluation.statistics import CONFIDENCE
from tfopt.formats.artifact import Artifact
from tfopt.report.changes import Comparison, Fidelity
from tfopt.typing import Array

NOISE_SAMPLES, NOISE_NUMBERS = (16, 256), 2_000_000  # at least and at most, and numbers of all of them
LEAST_SIZE = 1e-12


class Unlabelled(NamedTuple):
    """Samples that nobody has labelled, an array (N, ...) for each input, and what a report calls them."""

    arrays: Sequence[Array]
    called: str


def compare_answers(
    comparisons: Sequence[Comparison], artifacts: Sequence[Artifact], samples: Unlabelled | None
) -> tuple[list[Comparison], list[str]]:
    """Add to the comparisons of all artifacts with the first how alike they answer, and say on which samples.

    Args:
        comparisons: One for each artifact but the first.
        artifacts: Of one input signature.
        samples: What they answer; None for seeded noise.

    Returns:
        The comparisons, and notes: on which samples, or why answers are not compared.
    """
    first, *others = artifacts
    if not comparisons:
        return [], []
    if samples is None:
        noise = noise_for(first)
        samples = Unlabelled(noise, "noise from 0 to 1 (seeded)") if noise else None
    if samples is None:
        why = "noise is no input of a model that takes texts, whole numbers or inputs of free size; `data` tells"
        return list(comparisons), [f"answers are not compared with those of {first.name}: {why}"]
    found, notes = [], []
    for comparison, other in zip(comparisons, others, strict=True):
        if why := _differ(first, other):
            notes.append(f"answers of {other.name} are not compared with those of {first.name}: {why}")
            found.append(comparison)
        else:
            found.append(comparison.model_copy(update={"fidelity": fidelity(first, other, samples)}))
    if len(notes) == len(others):
        return found, notes
    several = "; the error is that of the output with the largest one" if len(first.output_shapes()) > 1 else ""
    told = f"is that of its answers to {len(samples.arrays[0])} samples of {samples.called}{several}"
    return found, [f"agreement with {first.name} {told}", *notes]


def noise_for(artifact: Artifact) -> list[Array] | None:
    """Return seeded noise from 0 to 1 for each input; None where a size is free, or inputs are no floats."""
    if any(not kind.startswith("float") for kind in artifact.input_types()):
        return None
    shapes = [tuple(size or 0 for size in shape[1:]) for shape in artifact.input_shapes()]
    if any(0 in shape for shape in shapes):
        return None
    rng = np.random.default_rng(0)
    count = int(np.clip(NOISE_NUMBERS // max(map(prod, shapes)), *NOISE_SAMPLES))
    return [rng.random((count, *shape), np.float32) for shape in shapes]


def fidelity(first: Artifact, other: Artifact, samples: Unlabelled) -> Fidelity:
    """Compare the answers of two files to the same samples; of several outputs, those with the largest error.

    Args:
        first: The original.
        other: What was made of it, with outputs of the same shapes and, if there are several, names.
        samples: What both answer.
    """
    before, after = (np.asarray(one.predict(_fitting(samples.arrays, one)), np.float64) for one in (first, other))
    if len(first.output_shapes()) > 1:
        parts, others = _by_name(first, before), _by_name(other, after)
        pairs = [fidelity_of(first.name, parts[name], others[name], samples.called, classes=False) for name in parts]
        return max(pairs, key=lambda one: one.relative_error)
    after = after.reshape(before.shape)
    classes = _has_classes(first, before)
    if classes:
        before = class_probabilities(before, probabilities=first.gives_probabilities())
        after = class_probabilities(after, probabilities=other.gives_probabilities())
    return fidelity_of(first.name, before, after, samples.called, classes=classes)


def fidelity_of(against: str, before: Array, after: Array, called: str, *, classes: bool) -> Fidelity:
    """Compare answers (N, ...); of `classes` (N, ..., K) the most probable ones must agree, and shares diverge."""
    difference = np.nan_to_num(after - before, nan=np.inf, posinf=np.inf, neginf=-np.inf)
    error = float(np.sqrt(np.mean(difference**2) / max(float(np.mean(before**2)), LEAST_SIZE)))
    found = Fidelity(against=against, samples=len(before), called=called, relative_error=error)
    if not classes:
        return found
    finite = np.isfinite(after).all(axis=-1)
    said = np.where(finite, np.nan_to_num(after).argmax(axis=-1), -1)
    agreed = (said == before.argmax(axis=-1)).reshape(len(before), -1).mean(axis=1)
    count, total = round(float(agreed.sum())), len(agreed)
    interval = binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    divergence = rel_entr(np.clip(before, 1e-7, 1), np.clip(np.nan_to_num(after), 1e-7, 1)).sum(axis=-1).mean()
    return found.model_copy(
        update={
            "agreement": float(agreed.mean()),
            "low": float(interval.low),
            "high": float(interval.high),
            "divergence": float(divergence),
        }
    )


def _fitting(arrays: Sequence[Array], artifact: Artifact) -> tuple[Array, ...]:
    """Return samples with an axis of size 1 more or less, as an artifact takes them."""
    shapes = [shape[1:] for shape in artifact.input_shapes()]
    return tuple(
        x if len(shape) == x.ndim - 1 else x.reshape(len(x), *(size or -1 for size in shape))
        for x, shape in zip(arrays, shapes, strict=True)
    )


def _differ(first: Artifact, other: Artifact) -> str:
    """Return why the outputs of two models cannot be compared one by one; nothing if they can."""
    shapes = {one.name: [tuple(shape[1:]) for shape in one.output_shapes()] for one in (first, other)}
    if len(shapes[first.name]) == len(shapes[other.name]) == 1:
        return ""
    if set(first.output_names) != set(other.output_names):
        return f"outputs are called {', '.join(other.output_names)}, and there {', '.join(first.output_names)}"
    return "outputs have a free size" if any(None in shape for shape in chain(*shapes.values())) else ""


def _by_name(artifact: Artifact, answers: Array) -> dict[str, Array]:
    """Return the outputs (N, F) of a model, which lie side by side, one by one."""
    ends = np.cumsum([prod(size or 1 for size in shape[1:]) for shape in artifact.output_shapes()])
    return dict(zip(artifact.output_names, np.split(answers, ends[:-1], axis=1), strict=True))


def _has_classes(artifact: Artifact, outputs: Array) -> bool:
    """Tell whether outputs (N, ..., K) are of classes that exclude each other.

    They are if the last activation is a softmax, or a sigmoid of one output (N, 1), or if the model remembers so.
    """
    if outputs.ndim < 2:
        return False
    if artifact.provenance is not None and artifact.provenance.prepares:
        return artifact.provenance.task == "classification"
    if not artifact.gives_probabilities():
        return False
    single = outputs.ndim == 2 and outputs.shape[1] == 1
    return single or (outputs.shape[-1] > 1 and bool(np.allclose(outputs.sum(axis=-1), 1, atol=0.05)))  # no sigmoids
