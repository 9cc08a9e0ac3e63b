"""The channel graph as plain data: which weights and which numbers in layer configs belong to which channels.

Each channel has an id, and channels that can leave the model only together have the same root. Pruning chooses roots;
the slices of weights and the sizes in configs then say what becomes smaller.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfopt.typing import Array

# A weight makes channels (the filters of a convolution), reads them (its input weights), or just has a number for each.
Role = Literal["makes", "reads", "follows"]
ConfigPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Channels:
    """The axis of a tensor (batch first) along which its channels lie, and the id (n,) of each position there."""

    axis: int
    ids: Array


@dataclass(frozen=True)
class WeightSlices:
    """Positions along an axis of the weight at index `weight` of a layer, and the id (n,) of the channel of each."""

    layer: str
    weight: int
    axis: int
    ids: Array
    role: Role


@dataclass(frozen=True)
class ConfigSize:
    """A number in the config of a layer, at `path`, that says how many of `ids` there are."""

    layer: str
    path: ConfigPath
    ids: Array


@dataclass(frozen=True)
class InputAxis:
    """The ids along `axis`, from the end, of the tensor at index `tensor` of those that `layer` is called with."""

    layer: str
    tensor: int
    axis: int
    ids: Array


@dataclass(frozen=True)
class ChannelGraph:
    """The channels of a model and everything in it that has a place for them.

    Attributes:
        weight_slices: Slices of weights by channel.
        config_sizes: Numbers in layer configs that count channels.
        input_axes: Axes of input tensors that a weight reads.
        roots: The root (n,) of each id; ids with the same root leave together, and those with root 0 stay.
        kinds: The type of each layer, by its name.
        reasons: Why an id stays, for the ids that were found to stay.
        frozen: Why the channels of a layer cannot be followed, by the name of the layer.
        outputs: The channels of what each call makes, in the order of a replay; None where all stay.
        inputs: The channels of what goes into nested models, by their names.
    """

    weight_slices: tuple[WeightSlices, ...]
    config_sizes: tuple[ConfigSize, ...]
    input_axes: tuple[InputAxis, ...]
    roots: Array
    kinds: dict[str, str]
    reasons: dict[int, str]
    frozen: dict[str, str]
    outputs: tuple[tuple[Channels | None, ...], ...]
    inputs: dict[str, tuple[Channels | None, ...]]

    def why_kept(self, layer: str) -> str:
        """Say why all that a layer makes stays."""
        made = [slices.ids for slices in self.weight_slices if slices.layer == layer and slices.role == "makes"]
        found = [self.reasons[i] for ids in made for i in ids.tolist() if i in self.reasons]
        if found:
            return found[0]
        return "they meet channels that stay" if made else self.frozen.get(layer, "it makes no channels")

    def sets(self) -> Array:
        """Return the roots (n,) of all sets of channels that can leave."""
        return np.setdiff1d(np.unique(self.roots), [0])
