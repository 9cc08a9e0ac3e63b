"""Rounding without training: layer after layer, so that each makes up for what those before it got wrong.

The float model and the one that is being rounded run side by side on calibration samples. At each layer the kernel is
rounded, and the scale and the bias of each output channel are set such that the output has the mean and variance it
has in the float model; batch normalizations that could not be folded get the statistics of what they are fed now.
"""

from collections.abc import Mapping
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.kernels import Kernel, find_kernels, to_matrix, update_kernel
from tfopt.graph.layer_names import named_layers
from tfopt.graph.moments import Moments, compute_moments
from tfopt.graph.replay import Call, replay
from tfopt.runtime.progress import Advance
from tfopt.techniques.binarization.rounding import DAMPING, Levels, codes, compensated, nearest, scales
from tfopt.typing import Array, Tensor


class Pair:
    """A tensor in the float model and its counterpart in the rounded one."""

    def __init__(self, before: tf.Tensor, after: tf.Tensor) -> None:
        self.before = before
        self.after = after


def rounded(
    before: keras.Model,
    after: keras.Model,
    levels: Mapping[str, Levels],
    samples: list[Array],
    advance: Advance,
    *,
    compensate: bool,
) -> list[str]:
    """Round the kernels of `after`, a copy of `before`, in place, with or without the compensation of errors of GPTQ.

    `levels` has the values of the kernels of each layer by its name, `samples` an array (N, ...) for each input.
    Returns the layers that were rounded without a look at what they are fed: recurrent ones, attention, and others
    whose kernels multiply what cannot be seen from outside, and those of too many input weights.
    """
    layers = dict(named_layers(after))
    done: set[str] = set()
    blind: list[str] = []

    def visit(call: Call) -> Tensor:
        sides = [_on_side(call, which) for which in ("before", "after")]
        if call.name in layers:
            sides[1] = sides[1]._replace(operation=layers[call.name])
        if call.name in layers and call.name not in done:
            done.add(call.name)
            given = (sides[0].first, sides[1].first)
            if not _fit(layers[call.name], levels.get(call.name), given, compensate=compensate):
                blind.append(call.name)
            advance(1, call.name)
        return [Pair(*both) for both in zip(*(keras.tree.flatten(side.infer()) for side in sides), strict=True)]

    replay(before, [Pair(tf.constant(x), tf.constant(x)) for x in samples], visit)
    return blind


def _on_side(call: Call, which: str) -> Call:
    """The call with the tensors of one of the two models."""

    def take(value: Tensor) -> Tensor:
        return getattr(value, which) if isinstance(value, Pair) else value

    args, kwargs = keras.tree.map_structure(take, (call.args, call.kwargs))
    return call._replace(args=args, kwargs=kwargs)


def _fit(layer: keras.Layer, levels: Levels | None, given: tuple[tf.Tensor, tf.Tensor], *, compensate: bool) -> bool:
    """Round or estimate anew; return whether it could be seen what kernels of few values multiply."""
    if levels is None:
        if isinstance(layer, keras.layers.BatchNormalization):
            _estimate(layer, given[1])
        return True
    seen = True
    for kernel in find_kernels(layer):
        values: Levels = "int8" if kernel.depthwise else levels
        fed = compute_moments(layer, *given)
        if fed is None:
            seen = seen and values == "int8"
            update_kernel(layer, kernel, partial(nearest, levels=values))
        else:
            _match(layer, kernel, values, fed, compensate=compensate)
    return seen


def _match(layer: keras.Layer, kernel: Kernel, levels: Levels, fed: Moments, *, compensate: bool) -> None:
    matrix = to_matrix(layer.weights[kernel.position].numpy(), kernel.axes)
    result, shift = matched(matrix, levels, fed, compensate=compensate)
    update_kernel(layer, kernel, lambda _: result)
    if layer.use_bias:
        layer.bias.assign(layer.bias.numpy() + shift)


def matched(kernel: Array, levels: Levels, fed: Moments, *, compensate: bool) -> tuple[Array, Array]:
    """The rounded kernel (K, C) whose outputs have the variance they have in the float model, and what the bias gains.

    What is rounded is not the kernel but the one that, fed what the layers before have become, answers most like it:
    the least-squares solution of after @ w = cross @ kernel.

    The scale of least squares in place of the variance's was tried, and moments about zero in layers without a bias.
    Neither is better on the validation split of seven models (`benchmarks/binarization_defaults.py rounding`): binary
    weights are right in 84.4 % on average by the variance and 83.9 % by least squares, and three layers without a bias
    in 94.9 % by moments about the mean and 94.4 % by those about zero.
    """
    damped = DAMPING * np.mean(np.diag(fed.after)) * np.eye(len(kernel)) + 1e-12 * np.eye(len(kernel))
    target = np.linalg.solve(fed.after + damped, fed.cross @ kernel + damped @ kernel)
    scale = scales(target, levels)
    few = levels != "int8"  # of 8 bits the largest must stay the largest, which says the scale in the file
    chosen = compensated(target, scale, levels, fed.after) if compensate and few else codes(target, scale, levels)
    result = chosen * scale
    wanted, found = (np.sum(w * (c @ w), axis=0) for w, c in ((kernel, fed.before), (result, fed.after)))
    known = (wanted > 0) & (found > 0)
    result = result * np.sqrt(np.where(known, wanted, 1) / np.where(known, found, 1))
    return result, fed.mean_before @ kernel - fed.mean_after @ result


def _estimate(normalization: keras.layers.BatchNormalization, x: tf.Tensor) -> None:
    """Set the moving statistics to those of x."""
    axis = normalization.axis if isinstance(normalization.axis, int) else normalization.axis[0]
    mean, variance = tf.nn.moments(x, [a for a in range(len(x.shape)) if a != axis % len(x.shape)])
    normalization.moving_mean.assign(mean)
    normalization.moving_variance.assign(variance)
