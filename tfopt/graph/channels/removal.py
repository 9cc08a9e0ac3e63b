"""Removal of channels: a smaller model of layers with fewer channels, called as before, with the weights that are left.

A nested model stays nested and a Sequential one Sequential; the copy is compiled as the original was.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tfopt.graph.channels.channel_graph import ChannelGraph, Channels, ConfigPath, ConfigSize, WeightSlices
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.graph.replay import is_graph
from tfopt.typing import Array, Tensor

# What these know they have learnt from texts, and their configs do not tell all of it.
VOCABULARY_LAYERS = (keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup)


def remove_channels(model: keras.Model, graph: ChannelGraph, kept: Array) -> keras.Model:
    """Copy a model without some of its channels.

    Args:
        model: The model.
        graph: Its channel graph.
        kept: True (n,) for each id that stays; ids with one root must agree.

    Returns:
        The smaller model, compiled as `model` is.
    """
    sizes: dict[str, list[ConfigSize]] = defaultdict(list)
    for size in graph.config_sizes:
        sizes[size.layer].append(size)
    by_layer: dict[str, list[WeightSlices]] = defaultdict(list)
    for slices in graph.weight_slices:
        by_layer[slices.layer].append(slices)
    names = first_names(model)

    def fewer(operation: keras.Operation, name: str) -> keras.Operation:
        return _shrink_layer(operation, sizes[names.get(id(operation), name)], kept)

    small = _clone(model, "", None, fewer, graph, kept)
    for (name, old), (_, new) in zip(named_layers(model), named_layers(small), strict=True):
        if old is new:
            continue
        weights = old.get_weights()
        for slices in by_layer[names.get(id(old), name)]:
            weights[slices.weight] = np.take(weights[slices.weight], np.flatnonzero(kept[slices.ids]), slices.axis)
        new.set_weights(weights)
        if isinstance(new, keras.layers.Normalization):
            new.finalize_state()  # it computes with what it made of its weights
    return small


def zero_channels(model: keras.Model, graph: ChannelGraph, kept: Array) -> list[Array]:
    """Return the weights of `model` with zeros where they read channels that are not `kept` (n,): nobody sees these."""
    index = {id(weight): position for position, weight in enumerate(model.weights)}
    weights: list[Array] = model.get_weights()
    by_name = dict(named_layers(model))
    for slices in graph.weight_slices:
        if slices.role == "reads":
            position = index[id(by_name[slices.layer].weights[slices.weight])]
            array = np.moveaxis(weights[position], slices.axis, 0)
            array[~kept[slices.ids]] = 0
    return weights


def _clone(
    model: keras.Model,
    prefix: str,
    inputs: Sequence[Tensor] | None,
    fewer: Callable[[keras.Operation, str], keras.Operation],
    graph: ChannelGraph,
    kept: Array,
) -> keras.Model:
    """Copy layers that `fewer` makes, of `inputs` or new ones; nested models are copied the same way."""

    def clone(operation: keras.Operation) -> keras.Operation:
        name = f"{prefix}{operation.name}"
        if not is_graph(operation):
            return fewer(operation, name)
        channels = graph.inputs[name]
        given = [_make_input(tensor, one, kept) for tensor, one in zip(operation.inputs, channels, strict=True)]
        return _clone(operation, f"{name}/", given, fewer, graph, kept)

    packed = None if inputs is None else keras.tree.pack_sequence_as(model.input, list(inputs))
    return keras.models.clone_model(model, input_tensors=packed, clone_function=clone)


def _make_input(tensor: keras.KerasTensor, channels: Channels | None, kept: Array) -> keras.KerasTensor:
    shape = list(tensor.shape)
    if channels is not None:
        shape[channels.axis] = int(kept[channels.ids].sum())
    return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor.name)


def _shrink_layer(operation: keras.Operation, sizes: Sequence[ConfigSize], kept: Array) -> keras.Operation:
    """Make a new layer of as many channels as are kept."""
    if isinstance(operation, VOCABULARY_LAYERS):
        return operation
    config = copy.deepcopy(operation.get_config())
    for inside in config.values():
        if isinstance(inside, dict):
            inside.pop("build_config", None)  # a wrapper would build what is inside for the old number of channels
    for size in sizes:
        _set_size(config, size.path, int(kept[size.ids].sum()))
    return type(operation).from_config(config)


def _set_size(config: Any, path: ConfigPath, count: int) -> None:
    """Put a number where `path` leads to; what is there may be a tuple, or one number instead of several."""
    key, *rest = path
    if not rest or isinstance(config[key], int):
        config[key] = count
    else:
        if isinstance(config[key], tuple):
            config[key] = list(config[key])
        _set_size(config[key], tuple(rest), count)
