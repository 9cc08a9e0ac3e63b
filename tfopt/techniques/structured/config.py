"""Options of structured pruning: channels, heads and blocks that really leave the model."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tfopt.config.choices import Importance, Scope, Structure
from tfopt.config.fields import AdamRate, BatchSize, Count, Exclude, Fraction, Option, Seed
from tfopt.config.fine_tuning import Augmentations, TaughtConfig

USUAL_AMOUNT = 0.5
TARGETS = ("amount", "target_macs", "target_params", "target_latency")


class StructuredConfig(TaughtConfig):
    """Options of structured pruning: a share `amount` of what can leave, or as much as a target needs.

    Targets are shares of the original's MACs, parameters or time for one inference in LiteRT (float32, batch 1). How
    many channels stay of a group is rounded up to a multiple of `round_to`; `iterative` is in how many steps, each with
    its share of the `epochs`.
    """

    structured: Annotated[
        Structure,
        Field(
            description="Remove filters, units, attention heads (auto: all three) or whole residual blocks (layers),"
            " not weights."
        ),
    ] = "auto"
    amount: Annotated[
        Fraction | None, Field(description=f"Share of the channels or blocks that leave ({USUAL_AMOUNT:g}).")
    ] = None
    target_macs: Annotated[Fraction | None, Field(description="Remove until this share of the MACs is left.")] = None
    target_params: Annotated[
        Fraction | None, Field(description="Remove until this share of the parameters is left.")
    ] = None
    target_latency: Annotated[
        Fraction | None, Field(description="Remove until LiteRT takes this share of the time at batch 1.")
    ] = None
    importance: Annotated[
        Importance | None,
        Field(
            description="What says which channels matter least; left out: reconstruction, or l2 if there is no data."
        ),
    ] = None
    scope: Annotated[
        Scope | None,
        Field(
            description="Prune every layer alike (layer, local), or what matters least in all of them (global); left"
            " out: local, or with a target of MACs or parameters whichever is better on the validation split."
        ),
    ] = None
    round_to: Annotated[Count, Field(description="Keep a multiple of N channels where there are as many.")] = 1
    min_channels: Annotated[Count, Field(description="Keep at least N channels everywhere.")] = 1
    iterative: Annotated[Count, Field(description="Remove in N steps, fine-tuned after each.")] = 1
    repair: Annotated[
        bool, Field(description="Fit what reads the channels that stay anew, so that it answers as before.")
    ] = True
    exclude: Exclude = None
    augment: Annotated[
        Augmentations,
        Field(description="Change samples a little each epoch of fine-tuning: flip, crop, rotate, noise, mixup."),
    ] = ()
    epochs: Annotated[
        int,
        Field(ge=0, description="Most epochs to train; 0 leaves it at removal and repair."),
        Option("N"),
    ] = 20
    batch_size: BatchSize = 64
    learning_rate: AdamRate = 1e-3
    seed: Seed = 0

    @property
    def share(self) -> float:
        """The share that leaves if there is no target."""
        return USUAL_AMOUNT if self.amount is None else self.amount

    def measure(self, *, with_data: bool) -> Importance:
        """Return what says which channels matter least."""
        return self.importance or ("reconstruction" if with_data else "l2")

    def scopes(self, *, with_data: bool) -> tuple[Scope, ...]:
        """Return the scopes to try: of two, the better one counts."""
        if self.scope is not None:
            return (self.scope,)
        solved = self.measure(with_data=with_data) == "reconstruction" and self.repair
        return ("global", "local") if solved and (self.target_macs or self.target_params) else ("local",)

    @property
    def target(self) -> tuple[str, float] | None:
        """The name of the target and its value, if there is one."""
        named = [(name, getattr(self, name)) for name in TARGETS[1:]]
        return next(((name, value) for name, value in named if value is not None), None)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"`{given[0]}` and `{given[1]}` exclude each other")
        if self.iterative > max(self.epochs, 1):
            raise ValueError(f"`iterative` {self.iterative} needs an epoch for each step; there are {self.epochs}")
        return self

    @model_validator(mode="after")
    def _blocks_are_measured(self) -> Self:
        if self.structured == "layers":
            for name in ("importance", "scope", "round_to", "min_channels", "repair"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"`{name}` is for channels; layers leave by measured loss")
        return self
