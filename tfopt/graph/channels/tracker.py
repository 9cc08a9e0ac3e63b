"""What is noted down while channels are followed through a model, layer by layer."""

from dataclasses import dataclass, field

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels, Cut, Path, Reading, Role, Size
from tfopt.graph.channels.union_find import FIXED, Ids
from tfopt.graph.replay import Call
from tfopt.typing import Array, Tensor

Shape = tuple[int | None, ...]


class CannotFollow(Exception):  # noqa: N818 - no error: the channels that go in stay, and the reason is told
    """What a call does to channels is not known."""


@dataclass(frozen=True)
class Traced:
    """A tensor on its way through the model; `channels` is None if all of them stay."""

    spec: keras.KerasTensor
    channels: Channels | None = None

    @property
    def shape(self) -> Shape:
        """Its shape, batch axis first."""
        return tuple(self.spec.shape)

    def along(self, axis: int) -> Array:
        """The ids along `axis`; raises `CannotFollow` if its channels lie along another one."""
        axis %= len(self.shape)
        if self.channels is None:
            if self.shape[axis] is None:
                raise CannotFollow("the number of channels is not fixed")
            return np.full(self.shape[axis] or 0, FIXED)
        if self.channels.axis != axis:
            raise CannotFollow(f"channels along axis {self.channels.axis}, not {axis}")
        return self.channels.ids


class Ledger:
    """Cuts, sizes and ids, each once: what is called again joins the ids of its second input with the first."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.cuts: dict[tuple[str, int, int], Cut] = {}
        self.sizes: dict[tuple[str, Path], Size] = {}
        self.readings: list[Reading] = []
        self.frozen: dict[str, str] = {}
        self.stuck: dict[str, str] = {}
        self._made: dict[tuple[str, str], Array] = {}

    def cut(self, cut: Cut) -> None:
        """Note a cut."""
        known = self.cuts.setdefault((cut.layer, cut.weight, cut.axis), cut)
        self.ids.join(known.ids, cut.ids)

    def size(self, size: Size) -> None:
        """Note a size."""
        known = self.sizes.setdefault((size.layer, size.path), size)
        self.ids.join(known.ids, size.ids)

    def stick(self, layer: str, reason: str) -> None:
        """Let all channels that a layer has weights or sizes for stay, also those of its other calls."""
        self.stuck.setdefault(layer, reason)

    def settle(self) -> None:
        """Freeze what is stuck, once every call is noted."""
        noted: list[Cut | Size] = [*self.cuts.values(), *self.sizes.values()]
        for one in noted:
            if one.layer in self.stuck:
                self.ids.freeze(one.ids, self.stuck[one.layer])

    def made(self, layer: str, what: str, count: int) -> Array:
        """The ids of what a layer makes, new ones when it is first called."""
        if (layer, what) not in self._made:
            self._made[layer, what] = self.ids.new(count)
        return self._made[layer, what]


@dataclass(frozen=True)
class Site:
    """One call of a layer, or of the layer that a wrapper has inside, whose config is at `path` in the wrapper's."""

    ledger: Ledger
    call: Call
    name: str
    layer: keras.Layer
    output: Tensor
    path: Path = ()
    given: tuple[Traced, ...] = field(default=())

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return tuple(keras.tree.flatten(self.output)[0].shape)

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in the tensors of a convolution or pooling."""
        return 1 if self.layer.data_format == "channels_first" else len(self.given[0].shape) - 1

    def cut(self, weight: keras.Variable, axis: int, ids: Array, role: Role) -> None:
        """Note that positions along `axis` of a weight belong to `ids`; None as weight is one that is not there."""
        if weight is not None:
            index = next((i for i, w in enumerate(self.call.operation.weights) if w is weight), None)
            if index is None:
                raise CannotFollow("its weights are computed from others")
            self.ledger.cut(Cut(self.name, index, axis % len(weight.shape), ids, role))

    def size(self, key: str | int, ids: Array, *more: str | int) -> None:
        """Note that the config has under `key` how many of `ids` there are."""
        self.ledger.size(Size(self.name, (*self.path, key, *more), ids))

    def made(self, count: int, what: str = "channels") -> Array:
        """The ids of what the layer makes."""
        return self.ledger.made(self.name, "/".join(map(str, (*self.path, what))), count)

    def reads(self, tensor: Traced, axis: int = -1) -> Array:
        """The ids along the axis of a tensor that a weight reads."""
        ids = tensor.along(axis)
        index = next(i for i, given in enumerate(self.given) if given is tensor)
        self.ledger.readings.append(Reading(self.name, index, axis if axis < 0 else axis - len(tensor.shape), ids))
        return ids
