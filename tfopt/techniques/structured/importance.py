"""The importance of a channel has seven measures; the least important leave first.

reconstruction: what the answers lose once it leaves and the others make up for it (see `reconstruction`).
l1, l2: norms of the weights that make and read it (Li et al. 2017, arXiv:1608.08710; over all layers that hang
together, Fang et al. 2023, arXiv:2301.12900). bn-scale: |gamma| of its normalization (Liu et al. 2017,
arXiv:1708.06519). taylor: the square of sum(gradient x weight) over the weights that read it, which is the first-order
change of the loss if it leaves (Molchanov et al. 2019, arXiv:1906.10771). activation: mean |activation|.
"""

from collections import defaultdict

import keras
import numpy as np
import tensorflow as tf

from tfopt.config.choices import Importance
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.graph.channels.channel_graph import ChannelGraph, InputAxis, WeightSlices
from tfopt.graph.channels.groups import find_groups
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.graph.model_io import call as call_model
from tfopt.graph.model_io import compiled
from tfopt.graph.replay import Call, replay
from tfopt.tasks.losses import loss_function
from tfopt.tasks.registry import rules_for
from tfopt.techniques.rounding.side_by_side import most_samples
from tfopt.techniques.structured.readers import removal_errors
from tfopt.typing import Array, Tensor

SAMPLES = 512
BATCH = 32


def importances(
    by: Importance, model: keras.Model, graph: ChannelGraph, data: Dataset | None, seed: int
) -> tuple[Array, Array]:
    """A score (n,) for each set of channels, at the index of its root, and whether (n,) the measure has one for it.

    Sets without a measured score have their l2 norm. Raises `InputError` if the measure needs data and there is none.
    """
    scores = Scores(len(graph.roots))
    weights = {name: [weight.numpy() for weight in layer.weights] for name, layer in named_layers(model)}
    match by:
        case "l1" | "l2":
            return _norms(graph, weights, 1 if by == "l1" else 2).mean(), np.ones(len(graph.roots), bool)
        case "random":
            return np.random.default_rng(seed).random(len(graph.roots)), np.ones(len(graph.roots), bool)
        case "bn-scale":
            names = {name: [weight.name for weight in layer.weights] for name, layer in named_layers(model)}
            for slices in graph.weight_slices:
                if slices.role == "follows" and names[slices.layer][slices.weight] == "gamma":
                    scores.add(graph, slices.ids, np.abs(weights[slices.layer][slices.weight]))
        case "reconstruction":
            _reconstruction(scores, model, graph, _needed(data, by))
        case "taylor":
            _taylor(scores, model, graph, _needed(data, by))
        case "activation":
            _activations(scores, model, graph, _needed(data, by))
    known = scores.counts > 0
    norms = _norms(graph, weights, 2).mean()
    # Those without a score stand where their norm stands among all: the measures have no common unit.
    usual = np.median(scores.mean()[known]) / max(float(np.median(norms[known])), 1e-30) if known.any() else 1.0
    return np.where(known, scores.mean(), norms * usual), known


class Scores:
    """Sums of scores for each set, and how many went in."""

    def __init__(self, count: int) -> None:
        self.sums = np.zeros(count)
        self.counts = np.zeros(count)

    def add(self, graph: ChannelGraph, ids: Array, scores: Array) -> None:
        """Add a score (n,) for each of `ids` (n,)."""
        np.add.at(self.sums, graph.roots[ids], scores)
        np.add.at(self.counts, graph.roots[ids], 1)

    def mean(self) -> Array:
        """The mean score of each set."""
        return self.sums / np.maximum(self.counts, 1)


def _norms(graph: ChannelGraph, weights: dict[str, list[Array]], power: int) -> Scores:
    """Norms of the slices of each kernel, set against the mean of all its slices so that every layer has equal say."""
    scores = Scores(len(graph.roots))
    for slices in graph.weight_slices:
        weight = weights[slices.layer][slices.weight]
        if slices.role != "follows" and weight.ndim > 1:
            norms = _by_position(np.abs(weight.astype(np.float64)) ** power, slices) ** (1 / power)
            scores.add(graph, slices.ids, norms / max(float(norms.mean()), 1e-30))
    return scores


def _by_position(weight: Array, slices: WeightSlices) -> Array:
    """Sums over all axes but that of the slices."""
    sums: Array = weight.sum(axis=tuple(axis for axis in range(weight.ndim) if axis != slices.axis))
    return sums


def _needed(data: Dataset | None, by: Importance) -> Dataset:
    if data is None:
        raise InputError(f"`importance` {by} looks at samples, and there is no data: give `data`, or use l1 or l2")
    return data


def _reconstruction(scores: Scores, model: keras.Model, graph: ChannelGraph, data: Dataset) -> None:
    samples = data.train.sample(min(SAMPLES, most_samples(model))).inputs
    errors = removal_errors(model, graph, find_groups(graph), samples)
    scores.add(graph, np.array(list(errors), int), np.array(list(errors.values())))


def _taylor(scores: Scores, model: keras.Model, graph: ChannelGraph, data: Dataset) -> None:
    loss, encode = loss_function(model, rules_for(data))
    reading = [slices for slices in graph.weight_slices if slices.role == "reads"]
    layers = dict(named_layers(model))
    variables = [layers[slices.layer].weights[slices.weight] for slices in reading]

    @compiled
    def gradients(inputs: Tensor, targets: Tensor) -> Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            value = loss(targets, call_model(model, inputs))
        return tape.gradient(value, [variable.value for variable in variables], unconnected_gradients="zero")

    samples = data.train.sample(SAMPLES)
    for start in range(0, len(samples), BATCH):
        batch = [tf.convert_to_tensor(x[start : start + BATCH]) for x in samples.inputs]
        found = gradients(batch, tf.convert_to_tensor(encode(samples.y[start : start + BATCH])))
        changes = np.zeros(len(scores.sums))
        for slices, variable, gradient in zip(reading, variables, found, strict=True):
            product = _by_position(tf.convert_to_tensor(gradient).numpy() * variable.numpy(), slices)
            np.add.at(changes, graph.roots[slices.ids], product)
        scores.sums += changes**2
        for slices in reading:
            scores.counts[np.unique(graph.roots[slices.ids])] = 1


def _activations(scores: Scores, model: keras.Model, graph: ChannelGraph, data: Dataset) -> None:
    """Mean |activation| along each axis that a weight reads, set against the mean of the layer."""
    names = first_names(model)
    readings: dict[str, list[tuple[int, InputAxis]]] = defaultdict(list)
    for index, reading in enumerate(graph.input_axes):
        readings[reading.layer].append((index, reading))
    totals: dict[int, Array] = {}

    def watch(call: Call) -> Tensor:
        tensors = [leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if isinstance(leaf, tf.Tensor)]
        for index, reading in readings.get(names.get(id(call.operation), call.name), []):
            size = np.abs(tensors[reading.tensor].numpy())
            axis = size.ndim + reading.axis
            mean = size.mean(axis=tuple(other for other in range(size.ndim) if other != axis))
            totals[index] = totals.get(index, 0) + mean
        return call.infer()

    samples = data.train.sample(SAMPLES)
    for start in range(0, len(samples), BATCH):
        replay(model, [tf.convert_to_tensor(x[start : start + BATCH]) for x in samples.inputs], watch)
    for index, total in totals.items():
        scores.add(graph, graph.input_axes[index].ids, total / max(float(total.mean()), 1e-30))
