"""Repair: a model that was cut answers again, layer by layer and as well as it can, what it answered before.

The kernel of each layer is the least-squares solution of "what it is fed now times kernel = what it answered" (He et
al. 2017, arXiv:1707.06168, eq. 5), one after the other, so that each makes up for what those before it lack, too.
Weights that were pruned stay zero (as in SparseGPT, Frantar and Alistarh 2023, arXiv:2301.00774). Normalizations get
the statistics of what they are fed now. It takes samples, and no labels.
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
PRUNED = 0.1  # of the weights that are zero: they were pruned, and stay zero
STEPS = 100  # of conjugate gradients
TOLERANCE = 1e-8  # of the squared error that is left


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


@dataclass(frozen=True)
class Left:
    """The channels of a model that are left in a smaller one: its channel graph, and True (n,) for each id that is."""

    graph: ChannelGraph
    kept: Array


def repair_on_train(
    model: keras.Model,
    cut: keras.Model,
    left: Left | None,
    data: Dataset,
    evaluator: Evaluator,
    progress: Progress,
) -> Repair:
    """Repair a model on samples of the train split, unless its loss on the validation split grows by that.

    The arguments are those of `repair`.
    """
    samples = data.train.sample(min(SAMPLES, most_samples(model))).inputs
    loss, weights = evaluator.loss(cut), cut.get_weights()
    before = loss()
    with progress.task("repairing", len(list(named_layers(model)))) as advance:
        errors = repair(model, cut, left, samples, advance)
    after = loss()
    told = f"on {len(samples[0]):,} training samples, without labels: the validation loss became {after:.4f}, which was"
    if not after <= before:
        cut.set_weights(weights)
        return Repair({}, before, (f"not repaired; it was tried {told} {before:.4f}",))
    return Repair(errors, after, (f"what stays was fitted anew {told} {before:.4f}",))


def repair(
    model: keras.Model, cut: keras.Model, left: Left | None, samples: Sequence[Array], advance: Advance
) -> dict[str, Repaired]:
    """Repair a model in place.

    Args:
        model: The whole model.
        cut: The same without some channels or weights, whose layers have the same names.
        left: The channels that are left in it; None for all, so that its kernels keep their zeros.
        samples: An array (N, ...) for each input.
        advance: Is told the name of each layer that is done.

    Returns:
        The layers that were fitted anew, and the error of each on the samples.

    Raises:
        InputError: If a layer answers NaN or infinity on the samples.
    """
    twins = _operations(cut)
    names, layers = first_names(model), dict(named_layers(model))
    normalized = set(find_foldable(model).values())
    slices: dict[tuple[str, int], list[WeightSlices]] = defaultdict(list)
    for one in left.graph.weight_slices if left else ():
        slices[one.layer, one.weight].append(one)
    done: dict[int, bool] = {}
    found: dict[str, Repaired] = {}

    def visit(call: Call) -> Tensor:
        twin = twins[call.name]
        pair = PairedCall(call, twin)
        if call.name in layers and id(twin) not in done:
            name = names[id(call.operation)]
            by_weight = [slices[name, position] for position in range(len(call.operation.weights))]
            one = _Visit(pair, by_weight, left.kept if left else np.ones(0, bool), normalized=call.name in normalized)
            done[id(twin)] = one.changed
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
        """Tell whether the layer has fewer weights than it had, or others."""
        both = zip(self.pair.call.operation.weights, self.pair.twin.weights, strict=True)
        return not all(np.array_equal(one, other) for one, other in both)

    def repair(self) -> Repaired | None:
        """Fit the kernels of the layer, or estimate a normalization anew; return the error, if it is known."""
        layer, twin = self.pair.call.operation, self.pair.twin
        if isinstance(twin, keras.layers.BatchNormalization):
            if not self.pair.agree:
                self._estimate(layer, twin)
            return None
        errors = [self._fit(*both) for both in zip(linear_maps(layer), linear_maps(twin), strict=True)]
        known = [error for error in errors if error]
        return known[-1] if known else None

    def _fit(self, before: LinearMap, after: LinearMap) -> Repaired | None:
        """Fit one kernel and its bias; return the error, if there are not too many inputs to know.

        One that is not free to be anything, as the model constrains it, stays.
        """
        if after.kernel.constraint is not None:
            return None
        position = next(i for i, one in enumerate(self.pair.call.operation.weights) if one is before.kernel)
        left = find_surviving(before, after, self.by_weight[position], self.kept)
        kernel = after.read().astype(np.float64)
        if self.pair.agree and np.array_equal(left.answers(before.read()), kernel):
            return None  # it multiplies what it did
        wanted = left.answers(before.read()).astype(np.float64)
        samples = sum(len(call.first) for call in self.pair.before())
        most = rows_of_a_sample(wanted.shape[1], samples)
        fed = gather_moments(self._rows(before, after, left), wanted, most)
        if not all(np.isfinite(part).all() for part in (fed.mean, fed.mean_answer, fed.power)):
            raise InputError(f"{self.pair.call.name} is fed NaN or infinity, or answers so: it cannot be repaired")
        if fed.second is None:
            return None
        free = after.bias is not None or self.normalized
        if not free:
            fed = about_zero(fed)
        zero = kernel == 0
        fitted = refit(kernel, fed, ~zero if zero.mean() > PRUNED else None)
        after.write(fitted)
        after.shift(fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * fitted, axis=1))
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


def refit(kernel: Array, fed: Moments, alive: Array | None = None) -> Array:
    """Solve for the kernels that answer most like the original ones, by ridge regression towards those given.

    Args:
        kernel: Kernels (G, K, C), what is left of the original ones.
        fed: The moments of what they are fed now, with the answers to be given.
        alive: False (G, K, C) for a weight that has to stay zero; None for all to be free.

    Returns:
        Kernels (G, K, C).
    """
    assert fed.second is not None
    size = kernel.shape[1]
    mean = np.einsum("gkk->g", fed.second) / size
    damping = np.where(mean > 0, damping_of(fed.rows, size) * mean, 1.0)[:, np.newaxis, np.newaxis]
    second, cross = fed.second + damping * np.eye(size), fed.cross + damping * kernel
    if alive is None:
        return np.asarray(np.linalg.solve(second, cross))
    return conjugate_gradients(second, cross, kernel, alive)


def conjugate_gradients(second: Array, cross: Array, start: Array, alive: Array) -> Array:
    """Solve second @ kernel = cross in the weights that are alive, each column of its own ones, by least squares.

    Args:
        second: Positive definite matrices (G, K, K).
        cross: What they are to give (G, K, C).
        start: Kernels (G, K, C) to begin with, zero where nothing is alive.
        alive: True (G, K, C) for each weight that may be other than zero.

    Returns:
        Kernels (G, K, C).
    """
    scale = alive / np.diagonal(second, axis1=1, axis2=2)[..., np.newaxis]  # the preconditioner, and the mask
    kernel, missing = start.copy(), cross - second @ start
    direction = scale * missing
    power = np.sum(missing * direction, axis=1, keepdims=True)
    enough = TOLERANCE * np.maximum(power, 1e-300)
    for _ in range(STEPS):
        if (power <= enough).all():
            break
        ahead = second @ direction
        along = np.sum(direction * ahead, axis=1, keepdims=True)
        step = np.divide(power, along, out=np.zeros_like(power), where=along > 0)
        kernel += step * direction
        missing -= step * ahead
        turned = scale * missing
        before, power = power, np.sum(missing * turned, axis=1, keepdims=True)
        direction = turned + np.divide(power, before, out=np.zeros_like(power), where=before > 0) * direction
    return kernel


def error_of(kernel: Array, fed: Moments, *, shifted: bool = False) -> float:
    """Return the mean squared error of the answers of kernels (G, K, C) as a share of the variance of all answers.

    `shifted` counts the error of the means as well, which a bias takes away.
    """
    assert fed.second is not None
    missing = fed.power - np.sum(kernel * (2 * fed.cross - fed.second @ kernel), axis=1)
    if shifted:
        missing = missing + (fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * kernel, axis=1)) ** 2
    return float(max(missing.sum(), 0) / max(fed.power.sum(), 1e-30))
