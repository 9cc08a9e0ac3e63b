"""A target says how much leaves in each step: a share of what can, or as much as a cost needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import keras
import numpy as np

from tfopt.config.choices import Scope
from tfopt.conversion.convert import convert
from tfopt.errors import UnreachableError, UnsupportedError
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.evaluation.latency import ratio_against
from tfopt.evaluation.measurement import measure
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.channels.removal import remove_channels
from tfopt.runtime.progress import Progress, Silent
from tfopt.techniques.structured.candidates import Candidates
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.costs import Costs
from tfopt.typing import Array

PROBES = 6  # smaller models that are converted and timed on the way to a target latency
NAMES = {"target_macs": "MACs", "target_params": "parameters", "target_latency": "time in LiteRT"}


class Goal(Protocol):
    """Says what stays in each of the steps, and afterwards whether the whole was reached."""

    def kept_ids(self, found: Candidates, step: int, scope: Scope) -> Array:
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


class Left(NamedTuple):
    """The share of a cost that is left; `told` is how it is written, and whether it is told from the target."""

    share: float
    told: str
    decided: bool = True


@dataclass
class Cost:
    """Measures on a model the cost that has a target, as a share of that of the original, against a target.

    Attributes:
        measure: Gives what is left, of a model and its target.
        undecided: How often it was not told on which side of the target that is.
    """

    measure: Callable[[keras.Model, float], Left]
    undecided: int = 0

    @classmethod
    def counted(cls, count: Callable[[keras.Model], float], full: float) -> Self:
        """Make one of what is counted, not measured; `full` is that of the original."""

        def left(model: keras.Model, _: float) -> Left:
            share = count(model) / full
            return Left(share, f"{share:.3f}")

        return cls(left)

    def __call__(self, model: keras.Model, target: float) -> Left:
        """Return what is left of the cost."""
        left = self.measure(model, target)
        self.undecided += not left.decided
        return left

    def reached(self, model: keras.Model, name: str, target: float) -> list[str]:
        """Return what a report says of a target."""
        before = self.undecided
        left = self(model, target)
        doubt = "" if left.decided else ": that is not told from the target"
        notes = [f"{left.told} of the {NAMES[name]} are left (`{name}` {target:g}){doubt}"]
        if before:
            notes.append(f"of {before} sizes on the way the timings did not tell whether they are under the target")
        return notes


def cost_of(config: StructuredConfig, artifact: KerasArtifact, progress: Progress) -> Cost:
    """Return what measures on a model the cost that has a target, as a share of that of the original `artifact`."""
    name, _ = config.target or ("target_params", 1.0)
    match name:
        case "target_params":
            return Cost.counted(lambda model: model.count_params(), artifact.model.count_params())
        case "target_macs":
            macs = keras_macs(artifact.model)
            if not macs:
                raise UnsupportedError(
                    f"the MACs of {artifact.name} cannot be counted: a size of its input is not fixed"
                )
            return Cost.counted(lambda model: keras_macs(model) or 0, macs)
        case _:
            return Cost(latency_left(artifact, progress))


def estimated_amount(config: StructuredConfig, found: Candidates, scope: Scope) -> float | None:
    """Estimate which share of the channels leaves, without making a model; None if models have to be timed."""
    if config.target is None:
        return config.share
    name, share = config.target
    everything = np.ones(len(found.graph.roots), bool)
    counted: dict[str, Callable[[Array], float]] = {
        "target_params": found.costs.parameters,
        "target_macs": found.costs.multiplications,
    }
    if name not in counted:
        return None
    count = counted[name]
    return least_amount(
        lambda amount: count(found.kept_ids(config, amount, _equally_dear(found, scope))) / (count(everything) or 1),
        share,
    )


@dataclass(frozen=True)
class Amount:
    """A share of the original's channels; each step takes the same share of what the one before left."""

    config: StructuredConfig

    def kept_ids(self, found: Candidates, step: int, scope: Scope) -> Array:  # noqa: ARG002
        """Leave out so many that after the last step the share has left."""
        return found.kept_ids(self.config, 1 - (1 - self.config.share) ** (1 / self.config.iterative), scope)

    def reached(self, model: keras.Model) -> list[str]:  # noqa: ARG002
        """Nothing to tell."""
        return []


@dataclass(frozen=True)
class Target:
    """A share of what the original costs: `cost` measures it on a model, `estimate` on what stays of the original."""

    config: StructuredConfig
    name: str
    share: float
    cost: Cost
    estimate: Callable[[Costs, Array], float] | None

    def kept_ids(self, found: Candidates, step: int, scope: Scope) -> Array:
        """Leave out as little as gets the cost to this step's part of the way; an estimate is checked on the model.

        Raises `UnreachableError`, which says what is the least that there can be.
        """
        wanted = self.share ** (step / self.config.iterative)
        least = self._built(found, MOST, wanted, "local")
        if least.share > wanted and least.decided:
            raise UnreachableError(
                f"{NAMES[self.name]} cannot get to {self.share:g} of the original's: with all removed that can leave,"
                f" {least.told} are left"
            )
        guess = 0.0
        if self.estimate is not None:
            estimate, quick = self.estimate, _equally_dear(found, scope)
            guess = least_amount(
                lambda amount: estimate(found.costs, found.kept_ids(self.config, amount, quick)), wanted
            )
        amount = least_amount(lambda amount: self._built(found, amount, wanted, scope).share, wanted, guess, PROBES)
        return found.kept_ids(self.config, amount, scope)

    def reached(self, model: keras.Model) -> list[str]:
        """Return how much is left."""
        return self.cost.reached(model, self.name, self.share)

    def _built(self, found: Candidates, amount: float, wanted: float, scope: Scope) -> Left:
        return self.cost(remove_channels(found.model, found.graph, found.kept_ids(self.config, amount, scope)), wanted)


def _equally_dear(found: Candidates, scope: Scope) -> Scope:
    """Return a scope that costs the same and takes no time: amounts are solved for what an equal share costs."""
    return "local" if found.measures_errors else scope


def _counted(full: float) -> Callable[[Costs, Array], float]:
    return lambda costs, kept: costs.parameters(kept) / full


def _multiplied(full: float) -> Callable[[Costs, Array], float]:
    return lambda costs, kept: costs.multiplications(kept) / full


def latency_left(artifact: KerasArtifact, progress: Progress) -> Callable[[keras.Model, float], Left]:
    """A function that converts a model to a float `.tflite` file and times it against that of `artifact`, batch 1."""
    before = convert(artifact, progress).artifact

    def left(model: keras.Model, target: float) -> Left:
        after = _converted(model, artifact.name)

        def time_both() -> tuple[Array, Array]:
            first, second = measure([before, after], None, Silent())
            assert first.times is not None
            assert second.times is not None
            return first.times, second.times

        found = ratio_against(target, time_both)
        return Left(found.value, f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})", found.decided)

    return left


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
