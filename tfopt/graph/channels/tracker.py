"""The state of following channels through a model: tensors with their channels, layer calls, and all that was found.

A rule is given a `LayerCall`. It reads which channels come in, marks the weights and config sizes that belong to them,
and answers which channels come out; `ChannelTracker` keeps the marks of all calls.
"""

from dataclasses import dataclass, field

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels, ConfigPath, ConfigSize, InputAxis, Role, WeightSlices
from tfopt.graph.channels.union_find import FIXED, UnionFind
from tfopt.graph.replay import Call
from tfopt.typing import Array, Tensor

Shape = tuple[int | None, ...]


class Untraceable(Exception):  # noqa: N818 - no error: the channels that go in stay, and the reason is told
    """Raised by a rule that does not know what a call does to channels."""


@dataclass(frozen=True)
class TracedTensor:
    """A tensor on its way through the model; `channels` is None if all of them stay."""

    spec: keras.KerasTensor
    channels: Channels | None = None

    @property
    def shape(self) -> Shape:
        """Shape of the tensor, batch axis first."""
        return tuple(self.spec.shape)

    def along(self, axis: int) -> Array:
        """Return the ids (n,) along `axis`; raise `Untraceable` if the channels lie along another one."""
        axis %= len(self.shape)
        if self.channels is None:
            if self.shape[axis] is None:
                raise Untraceable("the number of channels is not fixed")
            return np.full(self.shape[axis] or 0, FIXED)
        if self.channels.axis != axis:
            raise Untraceable(f"channels along axis {self.channels.axis}, not {axis}")
        return self.channels.ids


class ChannelTracker:
    """Keeps weight slices, config sizes and ids, each once; a second call of a layer joins its ids with the first."""

    def __init__(self) -> None:
        self.ids = UnionFind()
        self.weight_slices: dict[tuple[str, int, int], WeightSlices] = {}
        self.config_sizes: dict[tuple[str, ConfigPath], ConfigSize] = {}
        self.input_axes: list[InputAxis] = []
        self.frozen: dict[str, str] = {}
        self._pinned: dict[str, str] = {}
        self._made: dict[tuple[str, str], Array] = {}

    def add_weight_slices(self, slices: WeightSlices) -> None:
        """Note the slices of a weight, or join them with those that are known."""
        known = self.weight_slices.setdefault((slices.layer, slices.weight, slices.axis), slices)
        self.ids.join(known.ids, slices.ids)

    def add_config_size(self, size: ConfigSize) -> None:
        """Note a size in a config, or join its ids with those that are known."""
        known = self.config_sizes.setdefault((size.layer, size.path), size)
        self.ids.join(known.ids, size.ids)

    def pin(self, layer: str, reason: str) -> None:
        """Let all channels that a layer has weights or sizes for stay, also those of its other calls."""
        self._pinned.setdefault(layer, reason)

    def apply_pins(self) -> None:
        """Freeze the channels of pinned layers, once every call is noted."""
        noted: list[WeightSlices | ConfigSize] = [*self.weight_slices.values(), *self.config_sizes.values()]
        for one in noted:
            if one.layer in self._pinned:
                self.ids.freeze(one.ids, self._pinned[one.layer])

    def new_ids(self, layer: str, what: str, count: int) -> Array:
        """Return the ids (count,) of what a layer makes, new ones when it is first called."""
        if (layer, what) not in self._made:
            self._made[layer, what] = self.ids.new(count)
        return self._made[layer, what]


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, or of the layer that a wrapper has inside, whose config is at `path` in the wrapper's."""

    tracker: ChannelTracker
    original: Call
    name: str
    layer: keras.Layer
    output: Tensor
    path: ConfigPath = ()
    given: tuple[TracedTensor, ...] = field(default=())

    @property
    def shape(self) -> Shape:
        """Shape of the first output."""
        return tuple(keras.tree.flatten(self.output)[0].shape)

    @property
    def channel_axis(self) -> int:
        """Axis of the channels in the tensors of a convolution or pooling."""
        return 1 if self.layer.data_format == "channels_first" else len(self.given[0].shape) - 1

    def mark_weight(self, weight: keras.Variable | None, axis: int, ids: Array, role: Role) -> None:
        """Note that the positions along `axis` of a weight belong to `ids` (n,); None is a weight that is not there."""
        if weight is not None:
            index = next((i for i, w in enumerate(self.original.operation.weights) if w is weight), None)
            if index is None:
                raise Untraceable("its weights are computed from others")
            self.tracker.add_weight_slices(WeightSlices(self.name, index, axis % len(weight.shape), ids, role))

    def mark_size(self, key: str | int, ids: Array, *more: str | int) -> None:
        """Note that the config has under `key` how many of `ids` there are."""
        self.tracker.add_config_size(ConfigSize(self.name, (*self.path, key, *more), ids))

    def new_ids(self, count: int, what: str = "channels") -> Array:
        """Return the ids (count,) of what the layer makes."""
        return self.tracker.new_ids(self.name, "/".join(map(str, (*self.path, what))), count)

    def read_ids(self, tensor: TracedTensor, axis: int = -1) -> Array:
        """Return the ids (n,) along the axis of a tensor that a weight reads, and note that axis."""
        ids = tensor.along(axis)
        index = next(i for i, given in enumerate(self.given) if given is tensor)
        self.tracker.input_axes.append(InputAxis(self.name, index, axis if axis < 0 else axis - len(tensor.shape), ids))
        return ids
