"""Tracing of a model to its channel graph: each call is asked once which channels come out of those that go in."""

import keras

from tfopt.errors import UnsupportedError
from tfopt.graph.channels.channel_graph import ChannelGraph, Channels
from tfopt.graph.channels.rules import apply_rule
from tfopt.graph.channels.tracker import ChannelTracker, LayerCall, TracedTensor, Untraceable
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.typing import Tensor


def trace(model: keras.Model, title: str) -> ChannelGraph:
    """Make the channel graph of a model.

    Args:
        model: The model.
        title: Its name in messages.

    Returns:
        The graph.

    Raises:
        UnsupportedError: If the calls of the model are not known.
    """
    if not is_graph(model):
        raise UnsupportedError(
            f"{title} is a {type(model).__name__}, a model whose graph is not known: its channels cannot be followed."
            " `tfopt prune` without `structured` works on it"
        )
    tracker = ChannelTracker()
    names = first_names(model)
    outputs: list[tuple[Channels | None, ...]] = []
    inputs: dict[str, tuple[Channels | None, ...]] = {}

    def visit(call: Call) -> Tensor:
        answers = _trace_call(call, names.get(id(call.operation), call.name), tracker)
        outputs.append(tuple(answer.channels for answer in answers))
        return answers

    def enter(call: Call, given: list[Tensor]) -> None:
        known = inputs.setdefault(call.name, tuple(tensor.channels for tensor in given))
        for tensor, first in zip(given, known, strict=True):
            if tensor.channels is not None and first is not None and tensor.channels.axis == first.axis:
                tracker.ids.join(tensor.channels.ids, first.ids)
            elif tensor.channels is not first:
                for channels in (tensor.channels, first):
                    _freeze(tracker, channels, f"{call.name} is given other channels elsewhere")

    results = replay(model, [TracedTensor(tensor) for tensor in model.inputs], visit, enter=enter)
    for tensor in results:
        _freeze(tracker, tensor.channels, "they are an output of the model")
    for name in _find_shared_weights(model):
        tracker.pin(name, "another layer has the same weights")
    tracker.apply_pins()
    return ChannelGraph(
        weight_slices=tuple(tracker.weight_slices.values()),
        config_sizes=tuple(tracker.config_sizes.values()),
        input_axes=tuple(tracker.input_axes),
        roots=tracker.ids.roots(),
        kinds={name: _kind(layer) for name, layer in named_layers(model)},
        reasons=dict(tracker.ids.reasons),
        frozen=dict(tracker.frozen),
        outputs=tuple(outputs),
        inputs=inputs,
    )


def _trace_call(call: Call, name: str, tracker: ChannelTracker) -> list[TracedTensor]:
    """Return the outputs of a call with their channels; those that cannot be followed stay."""
    given = tuple(leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if isinstance(leaf, TracedTensor))
    args, kwargs = keras.tree.map_structure(_spec, (call.args, call.kwargs))
    output = call.operation.compute_output_spec(*args, **kwargs)
    specs = keras.tree.flatten(output)
    try:
        answer = apply_rule(LayerCall(tracker, call, name, call.operation, output, (), given))
    except Untraceable as reason:
        for tensor in given:
            _freeze(tracker, tensor.channels, f"they go through {name} ({reason})")
        tracker.frozen.setdefault(name, str(reason))
        tracker.pin(name, f"{name} is called otherwise elsewhere: {reason}")
        answer = None
    found = answer if isinstance(answer, list) else [answer] + [None] * (len(specs) - 1)
    return [TracedTensor(spec, channels) for spec, channels in zip(specs, found, strict=True)]


def _kind(layer: keras.Layer) -> str:
    inside = layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
    return type(inside).__name__


def _find_shared_weights(model: keras.Model) -> list[str]:
    """Return the names of layers with a weight that another layer object has, too."""
    owners: dict[int, dict[int, str]] = {}
    for name, layer in named_layers(model):
        for weight in layer.weights:
            owners.setdefault(id(weight), {}).setdefault(id(layer), name)
    return [name for layers in owners.values() if len(layers) > 1 for name in layers.values()]


def _spec(leaf: Tensor) -> Tensor:
    return leaf.spec if isinstance(leaf, TracedTensor) else leaf


def _freeze(tracker: ChannelTracker, channels: Channels | None, reason: str) -> None:
    if channels is not None:
        tracker.ids.freeze(channels.ids, reason)
