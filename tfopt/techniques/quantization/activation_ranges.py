"""Ranges of activations that are clipped where that leaves less error: rare large values cost all others precision.

A range from the smallest to the largest value has steps as wide as its outliers make them. As in section 3.1 of "A
White Paper on Neural Network Quantization" (Nagel et al. 2021, arXiv:2106.08295) the range of least squared error is
searched, on a histogram of what calibration samples give.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.watching import watched_tensors
from tfopt.typing import Array, Json

BINS = 2048
MOST_VALUES = 4096  # of a tensor in a batch that are counted
STEPS = 255
SHARES = np.linspace(0.2, 1, 41)  # of the whole range that are tried


class Histogram(NamedTuple):
    """Counts values in equal parts of a range."""

    low: float
    high: float
    counts: Array


def clipped_ranges(artifact: TfliteArtifact, ranges: Json, feeds: Iterable[Mapping[str, Array]]) -> Json:
    """Narrow the range of each tensor to that of least squared error with 8 bits.

    Args:
        artifact: The float file.
        ranges: The smallest and the largest value of each tensor, by its name.
        feeds: What it is run on: batches of an array for each input by its name.

    Returns:
        The same for all tensors; those of a single value keep their range.
    """
    spans = {name: span for name, found in ranges.items() if (span := _span(found))}
    counts = {name: np.zeros(BINS) for name in spans}
    rng = np.random.default_rng(0)
    for name, values in watched_tensors(artifact, spans.keys(), feeds):
        some = values.ravel()
        if values.size > MOST_VALUES:
            some = some[rng.integers(values.size, size=MOST_VALUES)]
        counts[name] += np.histogram(some, BINS, spans[name])[0]
    clipped = dict(ranges)
    for name, (low, high) in spans.items():
        if counts[name].any():
            least, most = least_error_range(Histogram(low, high, counts[name]))
            found = ranges[name]
            clipped[name] = found | {"min": np.full_like(found["min"], least), "max": np.full_like(found["max"], most)}
    return clipped


def least_error_range(found: Histogram) -> tuple[float, float]:
    """Return the range of least squared error; it has zero in it, as integers must.

    >>> low, high = least_error_range(Histogram(0.0, 10.0, np.array([1e6, 1e6, 0, 0, 0, 0, 0, 0, 0, 1])))
    >>> low, high < 10
    (0.0, True)
    """
    centers = np.linspace(found.low, found.high, 2 * len(found.counts) + 1)[1::2]
    low, high = min(found.low, 0.0), max(found.high, 0.0)

    def error(share: float) -> float:
        step = (high - low) * share / STEPS
        zero = np.round(-low * share / step)
        nearest = (np.clip(np.round(centers / step) + zero, 0, STEPS) - zero) * step
        return float(np.sum(found.counts * (nearest - centers) ** 2))

    best = min(SHARES[::-1], key=error)
    return float(low * best), float(high * best)


def _span(found: Mapping[str, Array]) -> tuple[float, float] | None:
    """The ends of a range of the whole tensor, if it has one."""
    if np.size(found.get("min", ())) != 1 or np.size(found.get("max", ())) != 1:
        return None
    low, high = float(np.min(found["min"])), float(np.max(found["max"]))
    return (low, high) if np.isfinite([low, high]).all() and low < high else None
