"""The kernels that read each group of channels, with the moments of what they are fed: one pass over samples.

Errors of readers add up as shares of what they answer. What that does to the answers of the model is measured once for
each group, half of which leaves, so that groups can be compared: the error of the answers grows with it, see
`answer_errors`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfopt.evaluation.keras_macs import keras_macs
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.channels.channel_graph import ChannelGraph, WeightSlices
from tfopt.graph.channels.groups import ChannelGroup
from tfopt.graph.channels.surviving import row_ids
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.graph.moments import about_zero, gather_moments, rows_of_a_sample
from tfopt.graph.replay import Call, replay
from tfopt.graph.rows import LinearMap, linear_maps
from tfopt.techniques.answer_errors import error_against_now
from tfopt.techniques.rounding.matching import damping_of
from tfopt.techniques.rounding.side_by_side import PairedCall, batches_of
from tfopt.techniques.structured.reconstruction import Reader, compensated_kernel, removal_order
from tfopt.typing import Array, Tensor

LEAST, MOST = 32, 128  # samples whose answers are compared
WORK = 2e10  # MACs of a comparison; of a large model fewer are


def removal_errors(
    model: keras.Model, graph: ChannelGraph, groups: Sequence[ChannelGroup], samples: Sequence[Array]
) -> dict[int, float]:
    """Find for each set of channels what is lost once it has left, in the order in which that is least.

    Args:
        model: The model; its weights change meanwhile and are then as before.
        graph: Its channel graph.
        groups: The groups.
        samples: An array (N, ...) for each input.

    Returns:
        By root the error of the answers (see `error_against_now`) without it and all that has left its group before,
        if what reads the others makes up for them; nothing for groups of which no reader is known.
    """
    found = _Readers(model, graph, groups)
    count = int(np.clip(WORK / (keras_macs(model) or 1), LEAST, MOST))
    error = error_against_now(model, [x[:count] for x in samples])
    errors: dict[int, float] = {}

    def visit(call: Call) -> Tensor:
        pair = PairedCall(call, call.operation)
        for group, parts in found.complete(pair):
            order, after = removal_order([part.reader for part in parts])
            half = len(order) // 2
            before = model.get_weights()
            for part in parts:
                part.remove(np.sort(order[:half]))
            measured = error() if half else 1.0
            model.set_weights(before)
            scale = measured / max(after[half - 1], 1e-30)
            errors.update(zip(group.roots[order].tolist(), (scale * after).tolist(), strict=True))
        return pair.answers(same=True)

    replay(model, batches_of(model, samples), visit)
    return errors


class _Part(NamedTuple):
    """The part of a kernel that reads a group: which matrix of the stack, and its rows, channel by channel."""

    reader: Reader
    read: LinearMap
    position: int
    rows: Array
    between: Array
    mean: Array
    normalization: keras.layers.BatchNormalization | None

    def remove(self, channels: Array) -> None:
        """Let the other inputs make up for some of the channels."""
        stack = self.read.read().astype(np.float64)
        own = stack[self.position]
        places = (channels[:, np.newaxis] * self.reader.size + np.arange(self.reader.size)).ravel()
        fitted = compensated_kernel(own, self.between[:, places], self.rows[places])
        shift = np.zeros(stack.shape[::2])
        shift[self.position] = self.mean @ (own - fitted)
        stack[self.position] = fitted
        self.read.write(stack)
        self.read.shift(shift)
        if self.read.bias is None and self.normalization is not None:
            self.normalization.moving_mean.assign_sub(shift.ravel())


class _Readers:
    """Collects the readers of each group until the last of them has been called."""

    def __init__(self, model: keras.Model, graph: ChannelGraph, groups: Sequence[ChannelGroup]) -> None:
        self.graph = graph
        self.names = first_names(model)
        layers = dict(named_layers(model))
        self.normalizations = {layer: layers[name] for name, layer in find_foldable(model).items()}
        self.slices: dict[tuple[str, int], list[WeightSlices]] = defaultdict(list)
        for one in graph.weight_slices:
            self.slices[one.layer, one.weight].append(one)
        self.waiting = {group: set(group.readers) for group in groups}
        self.parts: dict[ChannelGroup, list[_Part]] = defaultdict(list)
        self.seen: set[str] = set()

    def complete(self, pair: PairedCall) -> Iterator[tuple[ChannelGroup, list[_Part]]]:
        """Add what a call reads; yield the groups that no other layer reads, and drop them."""
        name = self.names.get(id(pair.call.operation))
        if name is None or name in self.seen:
            return
        self.seen.add(name)
        reading = [group for group, names in self.waiting.items() if name in names]
        if reading:
            for one in linear_maps(pair.call.operation):
                self._add(pair, name, one, reading)
        for group in reading:
            self.waiting[group].remove(name)
            if not self.waiting[group]:
                parts = self.parts.pop(group, [])
                if parts:
                    yield group, parts

    def _add(self, pair: PairedCall, name: str, read: LinearMap, groups: Sequence[ChannelGroup]) -> None:
        position = next(i for i, one in enumerate(pair.call.operation.weights) if one is read.kernel)
        roots = self.graph.roots[row_ids(read, self.slices[name, position])]
        if not roots.any():
            return
        kernel = read.read().astype(np.float64)
        calls = list(pair.before())
        most = rows_of_a_sample(kernel.shape[1], sum(len(one.first) for one in calls))
        rows = ((read.rows(one), len(one.first)) for one in calls)
        fed = gather_moments(((x, x, count) for x, count in rows), kernel, most)
        if fed.second is None:
            return
        normalization = self.normalizations.get(pair.call.name)
        if read.bias is None and normalization is None:
            fed = about_zero(fed)
        assert fed.second is not None
        size = kernel.shape[1]
        power = np.sqrt(max(float(fed.power.sum()), 1e-30))
        for index, (second, matrix, own) in enumerate(zip(fed.second, kernel, roots, strict=True)):
            damping = damping_of(fed.rows, size) * float(np.trace(second)) / size or 1.0
            inverse = np.linalg.inv(second + damping * np.eye(size))
            for group in groups:
                places = [np.flatnonzero(own == root) for root in group.roots]
                if len({len(one) for one in places}) == 1 and len(places[0]):
                    chosen = np.concatenate(places)
                    between = inverse[:, chosen]
                    reader = Reader(between[chosen], matrix[chosen] / power, len(places[0]))
                    self.parts[group].append(
                        _Part(reader, read, index, chosen, between, fed.mean[index], normalization)
                    )
