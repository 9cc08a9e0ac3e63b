"""Recurrent layers: a unit is a channel of the output, of the state, and of every gate."""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.elementwise import check_pointwise
from tfopt.graph.channels.tracker import CannotFollow, Site, Traced
from tfopt.typing import Array

GATES = {keras.layers.SimpleRNN: 1, keras.layers.GRU: 3, keras.layers.LSTM: 4}


def recurrent(site: Site) -> list[Channels | None]:
    """SimpleRNN, GRU, LSTM: kernel (in, gates x units), recurrent kernel (units, gates x units)."""
    x, states = _inputs(site)
    _check(site.layer)
    made = site.made(site.layer.units)
    for state in states:
        site.ledger.ids.join(state.along(-1), made)
    _cell(site, site.layer, x, made)
    site.size("units", made)
    return [Channels(len(spec.shape) - 1, made) for spec in keras.tree.flatten(site.output)]


def bidirectional(site: Site) -> list[Channels | None]:
    """Both directions lose the same units, so that they stay of one size."""
    x, states = _inputs(site)
    forward, backward = site.layer.forward_layer, site.layer.backward_layer
    for one in (forward, backward):
        if type(one) not in GATES or one.units != forward.units:
            raise CannotFollow(f"a {type(one).__name__} of another size inside")
        _check(one)
    made = site.made(forward.units)
    for state in states:
        site.ledger.ids.join(state.along(-1), made)
    for one, key in ((forward, "layer"), (backward, "backward_layer")):
        _cell(site, one, x, made)
        site.size(key, made, "config", "units")
    both = np.concatenate([made, made]) if site.layer.merge_mode == "concat" else made
    outputs = keras.tree.flatten(site.output)
    merged = 2 if site.layer.merge_mode is None else 1
    return [Channels(len(spec.shape) - 1, both if i < merged else made) for i, spec in enumerate(outputs)]


def _cell(site: Site, layer: keras.layers.RNN, x: Traced, made: Array) -> None:
    gates = np.tile(made, GATES[type(layer)])
    kernel, recurrent_kernel, *bias = layer.weights
    site.cut(kernel, 0, site.reads(x), "reads")
    site.cut(kernel, 1, gates, "makes")
    site.cut(recurrent_kernel, 0, made, "reads")
    site.cut(recurrent_kernel, 1, gates, "makes")
    for weight in bias:
        site.cut(weight, -1, gates, "follows")


def _inputs(site: Site) -> tuple[Traced, list[Traced]]:
    """The sequence and the states it starts with, which are channels too; a mask has none."""
    given = {**dict(zip(("sequences", "initial_state"), site.call.args, strict=False)), **site.call.kwargs}
    sequence = given.pop("sequences")
    states = [leaf for leaf in keras.tree.flatten(given.pop("initial_state", None)) if isinstance(leaf, Traced)]
    if any(isinstance(other, Traced) and other.channels is not None for other in given.values()):
        raise CannotFollow("it is given more than a sequence and states")
    return sequence, states


def _check(layer: keras.layers.RNN) -> None:
    gate = getattr(layer, "recurrent_activation", keras.activations.linear)
    check_pointwise(layer.activation, gate)
    if layer.stateful:
        raise CannotFollow("it keeps its state from batch to batch")
