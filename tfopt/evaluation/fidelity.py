"""Fidelity: the agreement of a file with the original, on samples that nobody has labelled.

That says nothing of how right either is: only that what was right stays so as often as they agree.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr
from scipy.stats import binomtest

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
    """
    first, *others = artifacts
    if samples is None:
        noise = noise_for(first)
        samples = Unlabelled(noise, "noise from 0 to 1 (seeded)") if noise else None
    if not comparisons or samples is None or any(len(one.output_shapes()) != 1 for one in artifacts):
        return list(comparisons), []
    found = [fidelity(first, other, samples) for other in others]
    note = f"agreement with {first.name} is that of its answers to {len(samples.arrays[0])} samples of {samples.called}"
    pairs = zip(comparisons, found, strict=True)
    return [one.model_copy(update={"fidelity": alike}) for one, alike in pairs], [note]


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
    """Compare the answers of two files, of which each has one output, to the same samples.

    Args:
        first: The original.
        other: What was made of it.
        samples: What both answer.
    """
    before, after = (np.asarray(one.predict(_fitting(samples.arrays, one)), np.float64) for one in (first, other))
    return fidelity_of(first.name, before, after.reshape(before.shape), samples.called, classes=_are_shares(before))


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


def _are_shares(outputs: Array) -> bool:
    """Tell whether outputs (N, ..., K) are probabilities of K classes."""
    if outputs.ndim < 2 or outputs.shape[-1] < 2 or not np.isfinite(outputs).all():
        return False
    return bool((outputs >= -1e-6).all() and np.allclose(outputs.sum(axis=-1), 1, atol=0.02))
