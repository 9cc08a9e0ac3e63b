"""Recurrent layers: a unit is a channel of the output, of the state, and of every gate."""

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.elementwise import check_pointwise
from tfopt.graph.channels.tracker import LayerCall, TracedTensor, Untraceable
from tfopt.typing import Array

GATES = {keras.layers.SimpleRNN: 1, keras.layers.GRU: 3, keras.layers.LSTM: 4}


def recurrent(call: LayerCall) -> list[Channels | None]:
    """Follow SimpleRNN, GRU, LSTM: kernel (in, gates x units), recurrent kernel (units, gates x units)."""
    x, states = _inputs(call)
    _check_cell(call.layer)
    made = call.new_ids(call.layer.units)
    for state in states:
        call.tracker.ids.join(state.along(-1), made)
    _mark_cell(call, call.layer, x, made)
    call.mark_size("units", made)
    return [Channels(len(spec.shape) - 1, made) for spec in keras.tree.flatten(call.output)]


def bidirectional(call: LayerCall) -> list[Channels | None]:
    """Follow Bidirectional: both directions lose the same units, so that they stay of one size."""
    x, states = _inputs(call)
    forward, backward = call.layer.forward_layer, call.layer.backward_layer
    for one in (forward, backward):
        if type(one) not in GATES or one.units != forward.units:
            raise Untraceable(f"a {type(one).__name__} of another size inside")
        _check_cell(one)
    made = call.new_ids(forward.units)
    for state in states:
        call.tracker.ids.join(state.along(-1), made)
    for one, key in ((forward, "layer"), (backward, "backward_layer")):
        _mark_cell(call, one, x, made)
        call.mark_size(key, made, "config", "units")
    both = np.concatenate([made, made]) if call.layer.merge_mode == "concat" else made
    outputs = keras.tree.flatten(call.output)
    merged = 2 if call.layer.merge_mode is None else 1
    return [Channels(len(spec.shape) - 1, both if i < merged else made) for i, spec in enumerate(outputs)]


def _mark_cell(call: LayerCall, layer: keras.layers.RNN, x: TracedTensor, made: Array) -> None:
    gates = np.tile(made, GATES[type(layer)])
    kernel, recurrent_kernel, *bias = layer.weights
    call.mark_weight(kernel, 0, call.read_ids(x), "reads")
    call.mark_weight(kernel, 1, gates, "makes")
    call.mark_weight(recurrent_kernel, 0, made, "reads")
    call.mark_weight(recurrent_kernel, 1, gates, "makes")
    for weight in bias:
        call.mark_weight(weight, -1, gates, "follows")


def _inputs(call: LayerCall) -> tuple[TracedTensor, list[TracedTensor]]:
    """Return the sequence and the states it starts with, which are channels too; a mask has none."""
    given = {**dict(zip(("sequences", "initial_state"), call.original.args, strict=False)), **call.original.kwargs}
    sequence = given.pop("sequences")
    states = [leaf for leaf in keras.tree.flatten(given.pop("initial_state", None)) if isinstance(leaf, TracedTensor)]
    if any(isinstance(other, TracedTensor) and other.channels is not None for other in given.values()):
        raise Untraceable("it is given more than a sequence and states")
    return sequence, states


def _check_cell(layer: keras.layers.RNN) -> None:
    gate = getattr(layer, "recurrent_activation", keras.activations.linear)
    check_pointwise(layer.activation, gate)
    if layer.stateful:
        raise Untraceable("it keeps its state from batch to batch")
