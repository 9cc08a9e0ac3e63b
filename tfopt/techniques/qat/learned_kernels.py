"""Kernels that are trained at full precision and used rounded, each with steps that are learnt with the weights.

Learned step size quantization (LSQ, Esser et al. 2020, arXiv:1902.08153): rounding passes the gradient on as if it were
not there (straight through), and where a number is clipped it passes none. So the gradient of the step s of numbers
x = s v is round(v) - v between the limits and the limit itself beyond them (eq. 3). What is trained is the logarithm of
the step, which keeps it positive and lets one learning rate serve all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfopt.graph.kernels import Kernel, find_kernels, to_kernel, to_matrix
from tfopt.graph.layer_names import first_names, named_layers
from tfopt.techniques.qat.step_sizes import largest_integer, least_squares_steps, nearest_integers
from tfopt.training.projections import cluster_assignment
from tfopt.typing import Array, Tensor


@dataclass(frozen=True, eq=False)
class LearnedKernel:
    """A kernel, its bits, and the logarithms of its steps, of which each group of output channels has one.

    Attributes:
        layer: The name of its layer.
        weight: The kernel.
        axes: Its axes of output channels.
        bits: Bits of a weight.
        groups: The group (C,) of each output channel, counted from 0.
        log_steps: The logarithm of the step (G,) of each group.
    """

    layer: str
    weight: keras.Variable
    axes: tuple[int, ...]
    bits: int
    groups: NDArray[np.integer]
    log_steps: keras.Variable

    def rounded(self) -> Tensor:
        """Return the kernel as the forward pass sees it; gradients go to the kernel and to the steps."""
        steps = ops.exp(ops.take(self.log_steps, self.groups))
        shape = [size if axis in self.axes else 1 for axis, size in enumerate(self.weight.shape)]
        return round_weights(ops.convert_to_tensor(self.weight), ops.reshape(steps, shape), largest_integer(self.bits))

    def steps(self) -> Array:
        """Return the step (C,) of each output channel."""
        steps: Array = np.exp(self.log_steps.numpy())[self.groups]
        return steps

    def integers(self) -> NDArray[np.int8]:
        """Return the integers (K, C) that the kernel is rounded to."""
        return nearest_integers(to_matrix(self.weight.numpy(), self.axes), self.steps(), self.bits)

    def values(self) -> Array:
        """Return the rounded kernel."""
        return to_kernel(self.integers() * self.steps().astype(np.float32), tuple(self.weight.shape), self.axes)


def learned_kernels(model: keras.Model, bits: Mapping[str, int], *, clusters: bool) -> list[LearnedKernel]:
    """Make learned kernels of those of a model, their steps started by least squares.

    Args:
        model: The model.
        bits: The bits of the weights of layers by their names; the kernels of others are left alone.
        clusters: Whether a kernel with few distinct values keeps them, for which it has one step alone.

    Returns:
        The kernels in the order of the layers, each once.
    """
    names = first_names(model)
    return [
        _learned(name, layer, kernel, bits[name], clusters=clusters)
        for name, layer in named_layers(model)
        if name in bits and names[id(layer)] == name
        for kernel in find_kernels(layer)
    ]


def _learned(name: str, layer: keras.Layer, kernel: Kernel, bits: int, *, clusters: bool) -> LearnedKernel:
    weight = layer.weights[kernel.position]
    matrix = to_matrix(weight.numpy(), kernel.axes)
    shared = isinstance(layer, keras.layers.Embedding) or (clusters and cluster_assignment(matrix.ravel()) is not None)
    groups = np.zeros(matrix.shape[1], int) if shared else np.arange(matrix.shape[1])
    steps = least_squares_steps(matrix, bits, groups)
    log_steps = keras.Variable(np.log(steps).astype(np.float32), name=f"{name}_log_steps".replace("/", "_"))
    return LearnedKernel(name, weight, kernel.axes, bits, groups, log_steps)


def round_weights(kernel: Tensor, steps: Tensor, limit: int) -> Tensor:
    """Round weights to integers times steps; gradients go to the kernel and to the steps.

    Args:
        kernel: The weights.
        steps: The steps, of a shape that is broadcast to that of the kernel.
        limit: The largest integer; the least is its negative.

    Returns:
        The rounded weights, in the shape of the kernel.
    """
    scaled = ops.clip(kernel / steps, -limit, limit)
    return steps * (scaled + ops.stop_gradient(ops.round(scaled) - scaled))
