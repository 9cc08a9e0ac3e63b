"""A target says how much leaves in each step: a share of what can, or as much as a cost needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from tfopt.conversion.convert import convert
from tfopt.errors import UnreachableError, UnsupportedError
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.evaluation.latency import latency_change
from tfopt.evaluation.measurement import measure
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.channels.removal import remove_channels
from tfopt.report.changes import LatencyChange
from tfopt.runtime.progress import Progress, Silent
from tfopt.techniques.structured.candidates import Candidates
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.costs import Costs
from tfopt.typing import Array

PROBES = 6  # smaller models that are converted and timed on the way to a target latency
NAMES = {"target_macs": "MACs", "target_params": "parameters", "target_latency": "time in LiteRT"}


class Goal(Protocol):
    """Says what stays in each of the steps, and afterwards whether the whole was reached."""

    def kept_ids(self, found: Candidates, step: int) -> Array:
        """Return which ids (n,) of a model stay in step `step`, counted from 1."""

    def reached(self, model: keras.Model) -> list[str]:
        """Return what to tell of a target."""


def goal_of(config: StructuredConfig, artifact: KerasArtifact, first: Candidates, progress: Progress) -> Goal:
    """The goal that `config` sets; `first` are the candidates of the original, to which targets are shares."""
    if config.target is None:
        return Amount(config)
    name, share = config.target
    cost, original = cost_of(config, artifact, progress), first.model
    match name:
        case "target_params":
            return Target(config, name, share, cost, _counted(float(original.count_params())))
        case "target_macs":
            return Target(config, name, share, cost, _multiplied(float(keras_macs(original) or 1)))
        case _:
            return Target(config, name, share, cost, None)


def cost_of(config: StructuredConfig, artifact: KerasArtifact, progress: Progress) -> Callable[[keras.Model], float]:
    """Return what measures on a model the cost that has a target, as a share of that of the original `artifact`."""
    name, _ = config.target or ("target_params", 1.0)
    match name:
        case "target_params":
            full = artifact.model.count_params()
            return lambda model: model.count_params() / full
        case "target_macs":
            macs = keras_macs(artifact.model)
            if not macs:
                raise UnsupportedError(
                    f"the MACs of {artifact.name} cannot be counted: a size of its input is not fixed"
                )
            return lambda model: (keras_macs(model) or 0) / macs
        case _:
            timed = latency_ratio(artifact, progress)
            return lambda model: timed(model).ratio


def estimated_amount(config: StructuredConfig, found: Candidates, costs: Costs) -> float | None:
    """Estimate which share of the channels leaves, without making a model; None if models have to be timed."""
    if config.target is None:
        return config.share
    name, share = config.target
    everything = np.ones(len(found.graph.roots), bool)
    counted: dict[str, Callable[[Array], float]] = {
        "target_params": costs.parameters,
        "target_macs": costs.multiplications,
    }
    if name not in counted:
        return None
    count = counted[name]
    return least_amount(lambda amount: count(found.kept_ids(config, amount)) / (count(everything) or 1), share)


@dataclass(frozen=True)
class Amount:
    """A share of the original's channels; each step takes the same share of what the one before left."""

    config: StructuredConfig

    def kept_ids(self, found: Candidates, step: int) -> Array:  # noqa: ARG002
        """Leave out so many that after the last step the share has left."""
        return found.kept_ids(self.config, 1 - (1 - self.config.share) ** (1 / self.config.iterative))

    def reached(self, model: keras.Model) -> list[str]:  # noqa: ARG002
        """Nothing to tell."""
        return []


@dataclass(frozen=True)
class Target:
    """A share of what the original costs: `cost` measures it on a model, `estimate` on what stays of the original."""

    config: StructuredConfig
    name: str
    share: float
    cost: Callable[[keras.Model], float]
    estimate: Callable[[Costs, Array], float] | None

    def kept_ids(self, found: Candidates, step: int) -> Array:
        """Leave out as little as gets the cost to this step's part of the way; an estimate is checked on the model.

        Raises `UnreachableError`, which says what is the least that there can be.
        """
        wanted = self.share ** (step / self.config.iterative)
        least = self._built(found, MOST)
        if least > wanted:
            raise UnreachableError(
                f"{self._what} cannot get to {self.share:g} of the original's: with all removed that can leave,"
                f" {least:.3f} are left"
            )
        guess = 0.0
        if self.estimate is not None:
            costs, estimate = Costs.of(found.model, found.graph), self.estimate
            guess = least_amount(lambda amount: estimate(costs, found.kept_ids(self.config, amount)), wanted)
        return found.kept_ids(
            self.config, least_amount(lambda amount: self._built(found, amount), wanted, guess, PROBES)
        )

    def reached(self, model: keras.Model) -> list[str]:
        """Return how much is left."""
        return [f"{self.cost(model):.3f} of the {self._what} are left (`{self.name}` {self.share:g})"]

    @property
    def _what(self) -> str:
        return NAMES[self.name]

    def _built(self, found: Candidates, amount: float) -> float:
        return self.cost(remove_channels(found.model, found.graph, found.kept_ids(self.config, amount)))


def _counted(full: float) -> Callable[[Costs, Array], float]:
    return lambda costs, kept: costs.parameters(kept) / full


def _multiplied(full: float) -> Callable[[Costs, Array], float]:
    return lambda costs, kept: costs.multiplications(kept) / full


def latency_ratio(artifact: KerasArtifact, progress: Progress) -> Callable[[keras.Model], LatencyChange]:
    """A function that converts a model to a float `.tflite` file and times it against that of `artifact`, batch 1."""
    before = convert(artifact, progress).artifact

    def ratio(model: keras.Model) -> LatencyChange:
        after = _converted(model, artifact.name)
        first, second = measure([before, after], None, Silent())
        assert first.times is not None
        assert second.times is not None
        return latency_change(before.name, first.times, second.times)

    return ratio


def _converted(model: keras.Model, name: str) -> TfliteArtifact:
    return convert(KerasArtifact.from_model(model, name), Silent()).artifact


STEPS = 24
MOST = 1 - 1e-9


def least_amount(cost: Callable[[float], float], target: float, low: float = 0.0, steps: int = STEPS) -> float:
    """The least amount from `low` to 1 whose `cost`, a share of the original's, is at most `target`; 1 if none is."""
    if cost(low) <= target:
        return low
    high = MOST
    for _ in range(steps):
        middle = (low + high) / 2
        if cost(middle) <= target:
            high = middle
        else:
            low = middle
    return high
