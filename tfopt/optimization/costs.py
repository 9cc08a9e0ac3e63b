"""The costs of a file are measured on the file itself: its bytes, its time, and what its target needs for it."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from tfopt.conversion.convert import convert
from tfopt.errors import UnsupportedError
from tfopt.evaluation.measurement import measure
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import tflite_macs
from tfopt.optimization.config import Goal
from tfopt.report.target_fit import TargetFigure
from tfopt.runtime.progress import Progress
from tfopt.targets.target import Target
from tfopt.typing import Array

Costs = Mapping[Goal, float]


class CostMeter:
    """Measures what files of one model cost.

    Args:
        source: The model; times are measured in turns with its float file.
        target: The device; None for this CPU.
        asked: The costs that have to be known.
        progress: Shows how far the work is.
    """

    def __init__(self, source: KerasArtifact, target: Target | None, asked: list[Goal], progress: Progress) -> None:
        self._source = source
        self._target = target
        self._asked = asked
        self._progress = progress

    def costs(self, file: TfliteArtifact) -> Costs:
        """Measure a file.

        Raises:
            UnsupportedError: If the target does not run it, or does not say what it costs there.
        """
        found: dict[Goal, float] = {"size": float(len(file.payload))}
        if "macs" in self._asked:
            found["macs"] = float(tflite_macs(file.payload) or 0)
        if self._target:
            found |= self._at_target(file, self._target)
        elif "latency" in self._asked:
            found["latency"] = self._milliseconds(file)
        return found

    def _at_target(self, file: TfliteArtifact, target: Target) -> dict[Goal, float]:
        examined = target.examine(file, self._progress)
        refused = [one for one in examined.operations if one.support == "no"]
        if not examined.runs or refused:
            reasons = [f"{one.kind}: {one.reason}" for one in refused] or examined.notes
            raise UnsupportedError(f"{target.name} does not run it: {'; '.join(dict.fromkeys(reasons))}")
        told: dict[Goal, TargetFigure] = {
            "flash": examined.flash,
            "ram": examined.ram,
            "latency": examined.milliseconds,
        }
        for name, figure in told.items():
            if name in self._asked and figure.value is None:
                raise UnsupportedError(f"{target.name} cannot say what {name} it takes: {figure.how}")
        return {name: figure.value for name, figure in told.items() if figure.value is not None}

    def _milliseconds(self, file: TfliteArtifact) -> float:
        """Return the time of an inference, by its ratio to that of the float file in the same run."""
        before, after = self._times(file)
        return float(np.median(after / before) * self._first)

    def _times(self, file: TfliteArtifact) -> tuple[Array, Array]:
        before, after = (one.times for one in measure([self._float, file], None, self._progress))
        if before is None or after is None:
            raise UnsupportedError(f"{file.name} cannot be timed: a size of its input is not fixed")
        return before, after

    @cached_property
    def _float(self) -> TfliteArtifact:
        return convert(self._source, self._progress).artifact

    @cached_property
    def _first(self) -> float:
        return float(np.median(self._times(self._float)[0]))
