"""The channel graph as plain data: which weights and which numbers in layer configs belong to which channels."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfopt.typing import Array

# A weight makes channels (the filters of a convolution), reads them (its input weights), or just has a number for each.
Role = Literal["makes", "reads", "follows"]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Channels:
    """The axis of a tensor (batch first) along which its channels lie, and the id (n,) of each position there."""

    axis: int
    ids: Array


@dataclass(frozen=True)
class Cut:
    """Positions along an axis of the weight at index `weight` of a layer, and the id (n,) of the channel of each."""

    layer: str
    weight: int
    axis: int
    ids: Array
    role: Role


@dataclass(frozen=True)
class Size:
    """A number in the config of a layer, at `path`: how many of `ids` there are."""

    layer: str
    path: Path
    ids: Array


@dataclass(frozen=True)
class Reading:
    """The ids along `axis`, from the end, of the tensor at index `tensor` of those that `layer` is called with."""

    layer: str
    tensor: int
    axis: int
    ids: Array


@dataclass(frozen=True)
class ChannelGraph:
    """All cuts and sizes of a model; `roots` (n,) says of each id with which it hangs together, 0 of those that stay.

    `kinds` are the types of the layers by name. `reasons` says of ids that were found to stay why, `frozen` of layers
    that cannot be followed. `outputs` are the channels of what each call makes, in the order of a replay, None where
    all stay; `inputs` those of what goes into nested models, by their names.
    """

    cuts: tuple[Cut, ...]
    sizes: tuple[Size, ...]
    readings: tuple[Reading, ...]
    roots: Array
    kinds: dict[str, str]
    reasons: dict[int, str]
    frozen: dict[str, str]
    outputs: tuple[tuple[Channels | None, ...], ...]
    inputs: dict[str, tuple[Channels | None, ...]]

    def why_kept(self, layer: str) -> str:
        """Why all that a layer makes stays."""
        made = [cut.ids for cut in self.cuts if cut.layer == layer and cut.role == "makes"]
        found = [self.reasons[i] for ids in made for i in ids.tolist() if i in self.reasons]
        if found:
            return found[0]
        return "they meet channels that stay" if made else self.frozen.get(layer, "it makes no channels")

    def sets(self) -> Array:
        """The roots of all sets of channels that can leave."""
        return np.setdiff1d(np.unique(self.roots), [0])
