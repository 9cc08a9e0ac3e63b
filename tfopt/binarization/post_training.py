"""Rounding without training: layer after layer, so that each makes up for what those before it got wrong.

The float model and the one that is being rounded run side by side on calibration samples. At each layer the kernel is
rounded, and the scale and the bias of each output channel are set such that the output has the mean and variance it
has in the float model; batch normalizations that could not be folded get the statistics of what they are fed now.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.binarization.kernels import Kernel, as_kernel, as_matrix, kernels
from tfopt.binarization.moments import Moments, moments
from tfopt.binarization.rounding import DAMPING, Levels, codes, compensated, scales
from tfopt.graphs.leaves import leaves
from tfopt.graphs.replay import Call, replay
from tfopt.progress import Advance

Array = NDArray[Any]


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
) -> keras.Model:
    """Round the kernels of `after`, a copy of `before`, in place, with or without the compensation of errors of GPTQ.

    `levels` has the values of the kernels of each layer by its name, `samples` an array (N, ...) for each input.
    """
    layers = dict(leaves(after))
    done: set[str] = set()

    def visit(call: Call) -> Any:
        layer = layers.get(call.name, call.operation)
        args, kwargs = (keras.tree.map_structure(_before, part) for part in (call.args, call.kwargs))
        args_after, kwargs_after = (keras.tree.map_structure(_after, part) for part in (call.args, call.kwargs))
        if call.name not in done and call.name in layers:
            done.add(call.name)
            _fit(layer, levels.get(call.name), (args[0], args_after[0]), compensate=compensate)
            advance(1, call.name)
        outputs = keras.tree.flatten(call.operation(*args, **kwargs))
        outputs_after = keras.tree.flatten(layer(*args_after, **kwargs_after))
        return [Pair(*both) for both in zip(outputs, outputs_after, strict=True)]

    replay(before, [Pair(tf.constant(x), tf.constant(x)) for x in samples], visit)
    return after


def _fit(layer: keras.Layer, levels: Levels | None, given: tuple[tf.Tensor, tf.Tensor], *, compensate: bool) -> None:
    if levels is not None:
        for kernel in kernels(layer):
            _round(layer, kernel, "int8" if kernel.depthwise else levels, given, compensate=compensate)
    elif isinstance(layer, keras.layers.BatchNormalization):
        _estimate(layer, given[1])


def _round(
    layer: keras.Layer, kernel: Kernel, levels: Levels, given: tuple[tf.Tensor, tf.Tensor], *, compensate: bool
) -> None:
    weight = layer.weights[kernel.position]
    matrix = as_matrix(weight.numpy(), kernel.axes)
    fed = moments(layer, *given)
    if fed is None:  # what the kernel multiplies cannot be seen from outside, as in recurrent layers and attention
        scale = scales(matrix, levels)
        result = codes(matrix, scale, levels) * scale
    else:
        result, shift = matched(matrix, levels, fed, compensate=compensate)
        if layer.use_bias:
            layer.bias.assign(layer.bias.numpy() + shift)
    weight.assign(as_kernel(result.astype(weight.dtype), tuple(weight.shape), kernel.axes))


def matched(kernel: Array, levels: Levels, fed: Moments, *, compensate: bool) -> tuple[Array, Array]:
    """The rounded kernel (K, C) whose outputs have the variance they have in the float model, and what the bias gains.

    What is rounded is not the kernel but the one that, fed what the layers before have become, answers most like it:
    the least-squares solution of after @ w = cross @ kernel.
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


def _before(value: Any) -> Any:
    return value.before if isinstance(value, Pair) else value


def _after(value: Any) -> Any:
    return value.after if isinstance(value, Pair) else value
