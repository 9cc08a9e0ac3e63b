"""Repair: the layers that read what is left answer, as well as they can, what they answered before channels left.

The kernel of each is the least-squares solution of "what it is fed now times kernel = what it answered" (He et al.
2017, arXiv:1707.06168, eq. 5), layer after layer, so that each makes up for what those before it lack, too.
Normalizations get the statistics of what they are fed now. It takes samples, and no labels.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.channels.channel_graph import ChannelGraph, WeightSlices
from tfopt.graph.channels.surviving import Surviving, find_surviving
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.graph.moments import Moments, about_zero, gather_moments, rows_of_a_sample
from tfopt.graph.replay import Call, replay
from tfopt.graph.rows import LinearMap, linear_maps
from tfopt.runtime.progress import Advance, Progress
from tfopt.techniques.rounding.matching import damping_of
from tfopt.techniques.rounding.side_by_side import PairedCall, batches_of, most_samples
from tfopt.typing import Array, Tensor

SAMPLES = 512


class Repaired(NamedTuple):
    """The mean squared error of a layer's answers as a share of their variance, as it was cut and as it is repaired."""

    before: float
    after: float

    @property
    def told(self) -> str:
        """Say it in a report."""
        return f"repaired: it answers {self.after:.1%} off, not {self.before:.1%}"


class Repair(NamedTuple):
    """The layers that were repaired, the validation loss afterwards, and notes on what that did."""

    errors: dict[str, Repaired]
    loss: float
    notes: tuple[str, ...]


def repair_on_train(
    model: keras.Model,
    small: keras.Model,
    graph: ChannelGraph,
    kept: Array,
    data: Dataset,
    evaluator: Evaluator,
    progress: Progress,
) -> Repair:
    """Repair a smaller model on samples of the train split, unless its loss on the validation split grows by that.

    The arguments are those of `repair`.
    """
    samples = data.train.sample(min(SAMPLES, most_samples(model))).inputs
    loss, cut = evaluator.loss(small), small.get_weights()
    before = loss()
    with progress.task("repairing", len(list(named_layers(model)))) as advance:
        errors = repair(model, small, graph, kept, samples, advance)
    after = loss()
    told = f"on {len(samples[0]):,} training samples, without labels: the validation loss became {after:.4f}, which was"
    if not after <= before:
        small.set_weights(cut)
        return Repair({}, before, (f"not repaired; it was tried {told} {before:.4f}",))
    return Repair(errors, after, (f"what reads the channels that stay was fitted anew {told} {before:.4f}",))


def repair(
    model: keras.Model,
    small: keras.Model,
    graph: ChannelGraph,
    kept: Array,
    samples: Sequence[Array],
    advance: Advance,
) -> dict[str, Repaired]:
    """Repair a smaller model in place.

    Args:
        model: The whole model.
        small: The same without some channels, whose layers have the same names.
        graph: The channel graph of `model`.
        kept: True (n,) for each id that is in `small`.
        samples: An array (N, ...) for each input.
        advance: Is told the name of each layer that is done.

    Returns:
        The layers that were fitted anew, and the error of each on the samples.

    Raises:
        InputError: If a layer answers NaN or infinity on the samples.
    """
    twins = _operations(small)
    names, layers = first_names(model), dict(named_layers(model))
    normalized = set(find_foldable(model).values())
    slices: dict[tuple[str, int], list[WeightSlices]] = defaultdict(list)
    for one in graph.weight_slices:
        slices[one.layer, one.weight].append(one)
    done: dict[int, bool] = {}
    found: dict[str, Repaired] = {}

    def visit(call: Call) -> Tensor:
        twin = twins[call.name]
        pair = PairedCall(call, twin)
        if call.name in layers and id(twin) not in done:
            name = names[id(call.operation)]
            by_weight = [slices[name, position] for position in range(len(call.operation.weights))]
            one = _Visit(pair, by_weight, kept, normalized=call.name in normalized)
            done[id(twin)] = one.changed
            if one.fed_otherwise:
                error = one.repair()
                found.update({call.name: error} if error else {})
            advance(1, call.name)
        return pair.answers(same=pair.agree and not done.get(id(twin)))

    replay(model, batches_of(model, samples), visit)
    return found


def _operations(model: keras.Model) -> dict[str, keras.Operation]:
    """Return all layers and operations of a model by the names of their calls."""
    found: dict[str, keras.Operation] = {}

    def visit(call: Call) -> Tensor:
        found[call.name] = call.operation
        return call.operation.compute_output_spec(*call.args, **call.kwargs)

    replay(model, list(model.inputs), visit)
    return found


@dataclass(frozen=True)
class _Visit:
    """The repair of one layer; `by_weight` are the slices of each of its weights."""

    pair: PairedCall
    by_weight: Sequence[list[WeightSlices]]
    kept: Array
    normalized: bool

    @property
    def changed(self) -> bool:
        """Tell whether the layer is smaller than it was."""
        both = zip(self.pair.call.operation.weights, self.pair.twin.weights, strict=True)
        return any(tuple(one.shape) != tuple(other.shape) for one, other in both)

    @property
    def fed_otherwise(self) -> bool:
        """Tell whether its kernels multiply other numbers than before: of layers before it, or of a part of its own."""
        reads = [one for slices in self.by_weight for one in slices if one.role == "reads"]
        return not self.pair.agree or not all(self.kept[one.ids].all() for one in reads)

    def repair(self) -> Repaired | None:
        """Fit the kernels of the layer, or estimate a normalization anew; return the error, if it is known."""
        layer, twin = self.pair.call.operation, self.pair.twin
        if isinstance(twin, keras.layers.BatchNormalization):
            self._estimate(layer, twin)
            return None
        errors = [self._fit(*both) for both in zip(linear_maps(layer), linear_maps(twin), strict=True)]
        known = [error for error in errors if error]
        return known[-1] if known else None

    def _fit(self, before: LinearMap, after: LinearMap) -> Repaired | None:
        """Fit one kernel and its bias; return the error, if there are not too many inputs to know."""
        position = next(i for i, one in enumerate(self.pair.call.operation.weights) if one is before.kernel)
        left = find_surviving(before, after, self.by_weight[position], self.kept)
        wanted = left.answers(before.read()).astype(np.float64)
        samples = sum(len(call.first) for call in self.pair.before())
        most = rows_of_a_sample(wanted.shape[1], samples)
        fed = gather_moments(self._rows(before, after, left), wanted, most)
        if not all(np.isfinite(part).all() for part in (fed.mean, fed.mean_answer, fed.power)):
            raise InputError(f"{self.pair.call.name} is fed NaN or infinity, or answers so: it cannot be repaired")
        if fed.second is None:
            return None
        kernel = after.read().astype(np.float64)
        free = after.bias is not None or self.normalized
        if not free:
            fed = about_zero(fed)
        fitted = refit(kernel, fed)
        after.write(fitted)
        if after.bias is not None:
            shift = fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * fitted, axis=1)
            after.bias.assign_add(shift.reshape(after.bias.shape).astype(after.bias.dtype))
        return Repaired(error_of(kernel, fed, shifted=free), error_of(fitted, fed))

    def _rows(self, before: LinearMap, after: LinearMap, left: Surviving) -> Iterator[tuple[Tensor, Tensor, int]]:
        for first, second in zip(self.pair.before(), self.pair.after(), strict=True):
            yield tf.gather(before.rows(first), left.groups, axis=1), after.rows(second), len(first.first)

    def _estimate(self, old: keras.layers.BatchNormalization, new: keras.layers.BatchNormalization) -> None:
        """Move the statistics as far as those of what it is fed have moved."""
        axis = old.axis if isinstance(old.axis, int) else old.axis[0]
        [slices, *_] = [one for one in self.by_weight if one] or [[]]
        left = np.flatnonzero(self.kept[slices[0].ids]) if slices else np.arange(old.moving_mean.shape[0])
        (mean, variance), (mean_now, variance_now) = (
            _statistics(calls, axis) for calls in (self.pair.before(), self.pair.after())
        )
        mean, variance = mean[left], variance[left]
        known = variance > 0
        grown = np.where(known, variance_now / np.where(known, variance, 1), 1)
        new.moving_mean.assign(old.moving_mean.numpy()[left] + mean_now - mean)
        new.moving_variance.assign(old.moving_variance.numpy()[left] * grown)


def _statistics(calls: Iterator[Call], axis: int) -> tuple[Array, Array]:
    x = tf.concat([call.first for call in calls], axis=0)
    mean, variance = tf.nn.moments(x, [other for other in range(len(x.shape)) if other != axis % len(x.shape)])
    return mean.numpy(), variance.numpy()


def refit(kernel: Array, fed: Moments) -> Array:
    """Solve for the kernels that answer most like the original ones, by ridge regression towards those given.

    Args:
        kernel: Kernels (G, K, C), what is left of the original ones.
        fed: The moments of what they are fed now, with the answers to be given.

    Returns:
        Kernels (G, K, C).
    """
    assert fed.second is not None
    size = kernel.shape[1]
    mean = np.einsum("gkk->g", fed.second) / size
    damping = np.where(mean > 0, damping_of(fed.rows, size) * mean, 1.0)[:, np.newaxis, np.newaxis]
    return np.asarray(np.linalg.solve(fed.second + damping * np.eye(size), fed.cross + damping * kernel))


def error_of(kernel: Array, fed: Moments, *, shifted: bool = False) -> float:
    """Return the mean squared error of the answers of kernels (G, K, C) as a share of the variance of all answers.

    `shifted` counts the error of the means as well, which a bias takes away.
    """
    assert fed.second is not None
    missing = fed.power - np.sum(kernel * (2 * fed.cross - fed.second @ kernel), axis=1)
    if shifted:
        missing = missing + (fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * kernel, axis=1)) ** 2
    return float(max(missing.sum(), 0) / max(fed.power.sum(), 1e-30))
