"""How to prune structures: channels, heads and blocks that really leave the model."""

from typing import Self

from pydantic import model_validator

from tfopt.config.choices import Augmentation, Importance, Scope, Structure
from tfopt.config.fields import Count, Fraction, LearningRate, Seed
from tfopt.config.fine_tuning import TaughtConfig

TARGETS = ("amount", "target_macs", "target_params", "target_latency")


class StructuredConfig(TaughtConfig):
    """What leaves, and how much: a share `amount` of what can leave, or as much as a target needs.

    Targets are shares of the original's MACs, parameters or time for one inference in LiteRT (float32, batch 1). How
    many channels stay of a group is rounded up to a multiple of `round_to`; `iterative` is in how many steps, each with
    its share of the `epochs`.
    """

    structured: Structure = "auto"
    amount: Fraction | None = None
    target_macs: Fraction | None = None
    target_params: Fraction | None = None
    target_latency: Fraction | None = None
    importance: Importance = "l2"
    scope: Scope = "local"
    round_to: Count = 1
    min_channels: Count = 1
    iterative: Count = 1
    exclude: str | None = None
    augment: tuple[Augmentation, ...] = ()
    epochs: Count = 20
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-3
    seed: Seed = 0

    @property
    def share(self) -> float:
        """The share that leaves if there is no target."""
        return 0.5 if self.amount is None else self.amount

    @property
    def target(self) -> tuple[str, float] | None:
        """The name of the target and its value, if there is one."""
        named = [(name, getattr(self, name)) for name in TARGETS[1:]]
        return next(((name, value) for name, value in named if value is not None), None)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = ["--" + name.replace("_", "-") for name in TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} exclude each other")
        if self.iterative > self.epochs:
            raise ValueError(f"--iterative {self.iterative} needs an epoch for each step; there are {self.epochs}")
        return self

    @model_validator(mode="after")
    def _blocks_are_measured(self) -> Self:
        if self.structured == "layers":
            for name in ("importance", "scope", "round_to", "min_channels"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"--{name.replace('_', '-')} is for channels; layers leave by measured loss")
        return self
