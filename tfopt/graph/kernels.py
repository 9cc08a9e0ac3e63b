"""Kernels of a layer, as Dense and Conv2D have one, and each as a matrix of input weights by output channels.

Quantization and binarization give each output channel a scale of its own: they work on the columns of that matrix,
whatever the shape of the kernel.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from tfopt.typing import Array

DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
KERNELS = {"kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "embeddings"}
TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


class Kernel(NamedTuple):
    """A weight by its position in `layer.weights`, and the axes of its output channels."""

    position: int
    axes: tuple[int, ...]
    depthwise: bool


def find_kernels(layer: keras.Layer) -> list[Kernel]:
    """Find the kernels of a layer, those of the layers in it included."""
    found = []
    kind = unwrap(layer)
    for position, weight in enumerate(layer.weights):
        if weight.name in KERNELS and len(weight.shape) > 1:
            depthwise = weight.name == "depthwise_kernel" or isinstance(kind, DEPTHWISE)
            found.append(Kernel(position, output_axes(kind, weight, depthwise=depthwise), depthwise))
    return found


def unwrap(layer: keras.Layer) -> keras.Layer:
    """Return the layer that a wrapper such as TimeDistributed calls."""
    while isinstance(layer, keras.layers.Wrapper):
        layer = layer.layer
    return layer


def output_axes(layer: keras.Layer, weight: keras.Variable, *, depthwise: bool) -> tuple[int, ...]:
    """Return the axes of the output channels of a kernel of a layer."""
    last = len(weight.shape) - 1
    if depthwise:
        return (last - 1, last)
    if isinstance(layer, TRANSPOSED):
        return (last - 1,)
    if isinstance(layer, ATTENTION):
        return (last,) if "attention_output" in weight.path else (last - 1, last)
    if isinstance(layer, keras.layers.EinsumDense):
        given, own = layer.equation.replace(" ", "").split("->")[0].split(",")
        return tuple(axis for axis, label in enumerate(own) if label not in given)
    return (last,)


def update_kernel(layer: keras.Layer, kernel: Kernel, function: Callable[[Array], Array]) -> None:
    """Replace a kernel by the result of `function` for it as a matrix (K, C)."""
    weight = layer.weights[kernel.position]
    result = function(to_matrix(weight.numpy(), kernel.axes))
    weight.assign(to_kernel(result.astype(weight.dtype), tuple(weight.shape), kernel.axes))


def to_matrix(kernel: Array, axes: tuple[int, ...]) -> Array:
    """Return a kernel as a matrix (K, C), output channels last.

    Args:
        kernel: The kernel, of any shape.
        axes: Its axes of output channels.

        >>> to_matrix(np.zeros((3, 3, 16, 32)), axes=(3,)).shape
        (144, 32)
    """
    moved = np.moveaxis(kernel, axes, range(-len(axes), 0))
    return moved.reshape(-1, int(np.prod([kernel.shape[axis] for axis in axes])))


def to_kernel(matrix: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """Undo `to_matrix`; `shape` is that of the kernel, and `axes` are its axes of output channels.

    >>> to_kernel(np.zeros((144, 32)), (3, 3, 16, 32), axes=(3,)).shape
    (3, 3, 16, 32)
    """
    inputs = [size for axis, size in enumerate(shape) if axis not in axes]
    moved = matrix.reshape(*inputs, *(shape[axis] for axis in axes))
    return np.moveaxis(moved, range(-len(axes), 0), axes)
