"""Sequential rounding: layer after layer, so that each makes up for what those before it got wrong.

The float model and the one that is being rounded run side by side on calibration samples. At each layer the kernels are
rounded, and the scale and the bias of each output channel are set such that the output has the mean and variance it has
in the float model; batch normalizations that could not be folded get the statistics of what they are fed now.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfopt.errors import InputError
from tfopt.graph.kernels import Kernel, find_kernels, to_matrix, update_kernel
from tfopt.graph.layer_names import named_layers
from tfopt.graph.moments import Moments, gather_moments
from tfopt.graph.replay import Call, replay
from tfopt.graph.rows import LinearMap, linear_maps
from tfopt.runtime.progress import Advance
from tfopt.techniques.rounding.grids import find_grid
from tfopt.techniques.rounding.levels import Levels
from tfopt.techniques.rounding.matching import damping_of, matched
from tfopt.techniques.rounding.scales import nearest
from tfopt.techniques.rounding.side_by_side import PairedCall, batches_of
from tfopt.typing import Array, Tensor

PRUNED = 0.1  # of the weights that are zero: they were pruned, and stay zero
LevelsOf: TypeAlias = Callable[[str, Kernel], Levels | None]
"""The levels of a kernel of the layer of this name; None leaves it in float."""


@dataclass
class Seen:
    """Tells what rounding met on its way.

    Attributes:
        blind: Layers that were rounded without a look at what they are fed: recurrent ones and others whose kernels
            multiply what cannot be seen from outside.
        kept: Layers whose kernels were rounded already, and stay as they are.
        damped: Layers of too few samples for all their input weights, with the number of rows and of weights.
    """

    blind: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    damped: dict[str, tuple[int, int]] = field(default_factory=dict)

    def notes(self, named: Callable[[str], str] = str) -> list[str]:
        """Say it in sentences for a report, with the names of layers as `named` gives them."""
        notes = []
        if self.blind:
            blind = ", ".join(map(named, self.blind))
            notes.append(f"rounded without a look at what they are fed, and so less well: {blind}")
        if self.kept:
            notes.append(f"rounded already, and left as they are: {', '.join(map(named, self.kept))}")
        if self.damped:
            told = ", ".join(
                f"{named(name)} ({rows} for {size}, by {damping_of(rows, size):.0%})"
                for name, (rows, size) in self.damped.items()
            )
            notes.append(
                "fewer samples than input weights, so that moments are damped by a share of their mean, and errors made"
                f" up for less well: {told}"
            )
        return notes


def round_model(
    before: keras.Model,
    after: keras.Model,
    levels_of: LevelsOf,
    samples: Sequence[Array],
    advance: Advance,
    *,
    compensate: bool,
) -> Seen:
    """Round the kernels of `after`, a copy of `before`, in place.

    Args:
        before: The float model, whose graph is known.
        after: The copy, whose layers have the same names.
        levels_of: The levels of each kernel.
        samples: An array (N, ...) for each input.
        advance: Is told the name of each layer that is done.
        compensate: Whether weights make up for the errors of others, as in GPTQ.

    Returns:
        What was seen.

    Raises:
        InputError: If a layer answers NaN or infinity on the samples.
    """
    twins = dict(named_layers(after))
    changed: dict[str, bool] = {}
    seen = Seen()

    def visit(call: Call) -> Tensor:
        twin = twins.get(call.name, call.operation)
        pair = PairedCall(call, twin)
        if call.name in twins and call.name not in changed:
            changed[call.name] = _Visit(pair, levels_of, seen, compensate).round()
            advance(1, call.name)
        return pair.answers(same=pair.agree and not changed.get(call.name))

    replay(before, batches_of(before, samples), visit)
    return seen


@dataclass(frozen=True)
class _Visit:
    """The rounding of one layer."""

    pair: PairedCall
    levels_of: LevelsOf
    seen: Seen
    compensate: bool

    def round(self) -> bool:
        """Round the kernels of the layer, or estimate a normalization anew; return whether anything changed."""
        layer, name = self.pair.twin, self.pair.call.name
        if isinstance(layer, keras.layers.BatchNormalization) and not self.pair.agree:
            _estimate(layer, self.pair)
            return True
        kernels = {id(layer.weights[kernel.position]): kernel for kernel in find_kernels(layer)}
        wanted = {key: levels for key, kernel in kernels.items() if (levels := self.levels_of(name, kernel))}
        changed = False
        for before, after in zip(linear_maps(self.pair.call.operation), linear_maps(layer), strict=True):
            levels = wanted.pop(id(after.kernel), None)
            if levels:
                changed |= self._fit(before, after, levels, same=self.pair.agree and not changed)
        for key, levels in wanted.items():
            update_kernel(layer, kernels[key], partial(nearest, levels=levels))
        if any(levels != "int8" for levels in wanted.values()):
            self.seen.blind.append(name)
        return changed or bool(wanted)

    def _fit(self, before: LinearMap, after: LinearMap, levels: Levels, *, same: bool) -> bool:
        """Round one kernel; return whether it changed. `same` says that it is fed what the float one is fed."""
        name, kernel = self.pair.call.name, before.read().astype(np.float64)
        if levels != "binary" and find_grid(to_matrix(before.kernel.numpy(), before.axes), levels):
            self.seen.kept.append(name)
            return False
        fed = gather_moments(self._rows(before, after, same=same), kernel)
        _check(fed, name)
        if fed.second is None:
            self.seen.blind.append(name)
        elif levels != "int8" and fed.rows < kernel.shape[1]:
            self.seen.damped[name] = fed.rows, kernel.shape[1]
        zero = kernel == 0
        alive = (~zero).astype(np.int8) if zero.mean() > PRUNED and levels != "binary" else None
        result = matched(kernel, levels, fed, alive=alive, compensate=self.compensate)
        after.write(result.kernel)
        after.shift(result.shift)
        return True

    def _rows(self, before: LinearMap, after: LinearMap, *, same: bool) -> Iterator[tuple[Tensor, Tensor, int]]:
        for first, second in zip(self.pair.before(), self.pair.after(), strict=True):
            rows = before.rows(first)
            yield rows, rows if same else after.rows(second), len(first.first)


def _check(fed: Moments, name: str) -> None:
    if not all(np.isfinite(part).all() for part in (fed.mean, fed.mean_answer, fed.power)):
        raise InputError(
            f"{name} is fed NaN or infinity on the calibration samples, or answers so: it cannot be rounded"
        )


def _estimate(normalization: keras.layers.BatchNormalization, pair: PairedCall) -> None:
    """Set the moving statistics to those of what it is fed in the rounded model."""
    x = tf.concat([call.first for call in pair.after()], axis=0)
    axis = normalization.axis if isinstance(normalization.axis, int) else normalization.axis[0]
    mean, variance = tf.nn.moments(x, [a for a in range(len(x.shape)) if a != axis % len(x.shape)])
    normalization.moving_mean.assign(mean)
    normalization.moving_variance.assign(variance)
