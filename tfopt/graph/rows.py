"""A layer is linear in its kernel, whatever shape that has: it multiplies the rows of a matrix, which are found here.

A convolution multiplies its kernel, as a matrix (K, C), with the patches of its input. A depthwise convolution has a
matrix for each channel, one with groups a matrix for each group, so that there is a stack of G of them. Where no
operation cuts patches, as for a transposed convolution, the layer itself does it with unit kernels, each of which
answers with one of the values that a kernel is multiplied with.
"""

from collections.abc import Callable, Iterator
from math import prod
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfopt.graph.kernels import DEPTHWISE, TRANSPOSED, find_kernels, output_axes, to_kernel, to_matrix, unwrap
from tfopt.graph.replay import Call
from tfopt.typing import Array, Tensor

PATCHED = (keras.layers.Conv1D, keras.layers.Conv2D, *DEPTHWISE)
SEPARABLE = {
    keras.layers.SeparableConv1D: keras.layers.DepthwiseConv1D,
    keras.layers.SeparableConv2D: keras.layers.DepthwiseConv2D,
}
SHARED = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "data_format")
PROJECTIONS = ("query_dense", "key_dense", "value_dense", "output_dense")


class LinearMap(NamedTuple):
    """A kernel, and what it multiplies.

    Attributes:
        kernel: The variable.
        bias: What is added to its answers, a number for each channel or each position and channel; None if nothing is.
        axes: Its axes of output channels, see `to_matrix`.
        groups: The number G of matrices that it is a stack of.
        rows: Returns what the kernel multiplies (M, G, K) in a call of the layer.
    """

    kernel: keras.Variable
    bias: keras.Variable | None
    axes: tuple[int, ...]
    groups: int
    rows: Callable[[Call], Tensor]

    def read(self) -> Array:
        """Return the kernel as matrices (G, K, C)."""
        return stack(to_matrix(self.kernel.numpy(), self.axes), self.groups)

    def write(self, matrices: Array) -> None:
        """Replace the kernel by matrices (G, K, C)."""
        matrix = np.swapaxes(matrices, 0, 1).reshape(matrices.shape[1], -1)
        self.kernel.assign(to_kernel(matrix.astype(self.kernel.dtype), tuple(self.kernel.shape), self.axes))

    def shift(self, amounts: Array) -> None:
        """Add numbers (G, C) to the channels of the bias, at all positions that it has; nothing if there is none."""
        if self.bias is not None:
            positions = self.bias.numpy().reshape(-1, amounts.size) + amounts.ravel()
            self.bias.assign(positions.reshape(self.bias.shape))


def stack(matrix: Array, groups: int) -> Array:
    """Return a matrix (K, G * C), channels of a group side by side, as matrices (G, K, C).

    >>> stack(np.arange(8).reshape(2, 4), groups=2).tolist()
    [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """
    return np.swapaxes(matrix.reshape(len(matrix), groups, -1), 0, 1)


def linear_maps(layer: keras.Layer) -> Iterator[LinearMap]:
    """Find the kernels of a layer of which it is known what they multiply, in the order in which it uses them."""
    inner = unwrap(layer)
    if isinstance(layer, keras.layers.MultiHeadAttention):
        for name in PROJECTIONS:
            yield _map(getattr(layer, name), _seen_by(name))
    elif type(layer) in SEPARABLE:
        yield from _separable(layer)
    elif isinstance(layer, keras.layers.TimeDistributed) and find_kernels(inner):
        yield _map(inner, _steps)
    elif layer is inner and _is_linear(layer):
        yield _map(layer, lambda call: call.first)


def _is_linear(layer: keras.Layer) -> bool:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return False
    kinds = (keras.layers.Dense, *PATCHED, keras.layers.Conv3D, *TRANSPOSED)
    return type(layer) in kinds or (type(layer) is keras.layers.EinsumDense and _contracts(layer))


def _contracts(layer: keras.layers.EinsumDense) -> bool:
    """Tell whether it multiplies matrices: no label of the kernel is both in the input and in the output.

    A bias must have the channels last, in the order of the kernel.
    """
    given, own, answer = _labels(layer)
    channels = "".join(label for label in own if label not in given)
    biased = layer.bias_axes is None or (answer.endswith(channels) and set(channels) <= set(layer.bias_axes))
    return "." not in layer.equation and not set(given) & set(own) & set(answer) and biased


def _labels(layer: keras.layers.EinsumDense) -> tuple[str, str, str]:
    sides, answer = layer.equation.replace(" ", "").split("->")
    given, own = sides.split(",")
    return given, own, answer


def _map(layer: keras.Layer, given: Callable[[Call], Tensor]) -> LinearMap:
    depthwise = isinstance(layer, DEPTHWISE)
    groups = layer.kernel.shape[-2] if depthwise else getattr(layer, "groups", 1)
    axes = output_axes(layer, layer.kernel, depthwise=depthwise)
    return LinearMap(layer.kernel, layer.bias, axes, groups, lambda call: _rows(layer, given(call), groups))


def _separable(layer: keras.Layer) -> Iterator[LinearMap]:
    """The depthwise kernel, and the pointwise one that multiplies what the first answers."""
    config = {name: value for name, value in layer.get_config().items() if name in SHARED}
    depthwise = SEPARABLE[type(layer)](use_bias=False, **config)
    *size, channels, _ = layer.depthwise_kernel.shape
    depthwise.build((None, *(None for _ in size), channels))

    def between(call: Call) -> Tensor:
        depthwise.kernel.assign(layer.depthwise_kernel)
        answers = depthwise(call.first)
        return tf.reshape(answers, (-1, 1, answers.shape[-1]))

    last = len(size) + 1
    yield LinearMap(
        layer.depthwise_kernel, None, (last - 1, last), channels, lambda call: _rows(depthwise, call.first, channels)
    )
    yield LinearMap(layer.pointwise_kernel, layer.bias, (last,), 1, between)


def _steps(call: Call) -> Tensor:
    """The time steps of all samples as samples."""
    return tf.reshape(call.first, (-1, *call.first.shape[2:]))


def _seen_by(name: str) -> Callable[[Call], Tensor]:
    """Return what reads the input of a projection of attention."""

    def read(call: Call) -> Tensor:
        projection = getattr(call.operation, name)
        seen: list[Tensor] = []

        def spy(x: Tensor, *args: Tensor, **kwargs: Tensor) -> Tensor:
            seen.append(x)
            return type(projection).call(projection, x, *args, **kwargs)

        projection.call = spy
        try:
            call.infer()
        finally:
            del projection.call
        return seen[0]

    return read


def _rows(layer: keras.Layer, x: Tensor, groups: int) -> Tensor:
    """Return what the kernel of a layer that is called with x multiplies (M, G, K)."""
    if isinstance(layer, keras.layers.Dense):
        return tf.reshape(x, (-1, 1, x.shape[-1]))
    if isinstance(layer, keras.layers.EinsumDense):
        return _contracted(layer, x)
    if not isinstance(layer, PATCHED):
        return _answers_of_unit_kernels(layer, x)
    patches = _patches(layer, x)
    size = prod(layer.kernel_size)
    parts = tf.reshape(patches, (-1, size, groups, patches.shape[-1] // (size * groups)))
    return tf.reshape(tf.transpose(parts, (0, 2, 1, 3)), (-1, groups, patches.shape[-1] // groups))


def _contracted(layer: keras.layers.EinsumDense, x: Tensor) -> Tensor:
    given, own, _ = _labels(layer)
    summed = [label for label in own if label in given]
    kept = [label for label in given if label not in summed]
    sizes = dict(zip(given, x.shape, strict=True))
    moved = tf.transpose(x, [given.index(label) for label in (*kept, *summed)])
    return tf.reshape(moved, (-1, 1, prod(sizes[label] for label in summed)))


def _answers_of_unit_kernels(layer: keras.Layer, x: Tensor) -> Tensor:
    """Call a layer like this with a kernel for each value that its kernel is multiplied with."""
    shape = list(layer.kernel.shape)
    channels = output_axes(layer, layer.kernel, depthwise=False)[0]
    count = prod(shape) // shape[channels]
    groups = getattr(layer, "groups", 1)
    config = layer.get_config() | {"filters": count * groups, "use_bias": False, "activation": None}
    copy = type(layer).from_config(config)
    copy.build(x.shape)
    shape[channels] = count
    unit = to_kernel(np.eye(count, dtype="float32"), tuple(shape), (channels,))
    copy.kernel.assign(np.concatenate([unit] * groups, axis=channels))
    return tf.reshape(copy(x), (-1, groups, count))


def _patches(layer: keras.Layer, x: Tensor) -> Tensor:
    """Cut the patches (N, ..., K) of a one- or two-dimensional convolution, values of a channel far apart."""
    size, strides, dilation = ((1, *value)[-2:] for value in (layer.kernel_size, layer.strides, layer.dilation_rate))
    padding = layer.padding
    if len(x.shape) == 3:
        x = x[:, tf.newaxis]
    if padding == "causal":
        x = tf.pad(x, [[0, 0], [0, 0], [(size[1] - 1) * dilation[1], 0], [0, 0]])
        padding = "valid"
    return tf.image.extract_patches(x, [1, *size, 1], [1, *strides, 1], [1, *dilation, 1], padding.upper())
