"""Convolutions as dense layers on patches: the same numbers, in an operation that has kernels for few bits.

A convolution of size 1 is a dense layer on every pixel. A larger one gathers its patches with slices, one for each
position in the kernel, and multiplies them with the kernel as a matrix.
"""

from collections.abc import Callable

import keras
from keras import ops

from tfopt.graph.model_copy import LayerCopies, rebuild
from tfopt.graph.replay import Call
from tfopt.typing import Tensor

LEAST_CHANNELS = 128


def lower_to_dense(model: keras.Model, title: str, wanted: Callable[[keras.layers.Layer], bool]) -> keras.Model:
    """Copy a model with dense layers, of the same names, in place of convolutions; those of images of any size stay.

    Args:
        model: The model.
        title: The name of the model in messages.
        wanted: Says of a 2-D convolution whether to lower it.

    Returns:
        The copy, not compiled.
    """

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        layer = call.operation
        if can_be_lowered(layer) and None not in call.first.shape[1:3] and wanted(layer):
            return _replace_by_dense(call, copies)
        return copies.call(call)

    return rebuild(model, title, visit)


def can_be_lowered(layer: keras.Operation) -> bool:
    """Tell whether a layer is a 2-D convolution without groups or dilation, channels last."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and tuple(layer.dilation_rate) == (1, 1)
    )


def pays_as_dense(layer: keras.Operation) -> bool:
    """Tell whether a convolution with weights of 2 or 4 bits is no slower, as a dense layer, than it is in float.

    That begins at about 128 input channels; `benchmarks/forms.py` measures it.
    """
    return can_be_lowered(layer) and layer.kernel.shape[-2] >= LEAST_CHANNELS


def _replace_by_dense(call: Call, copies: LayerCopies) -> Tensor:
    layer = call.operation
    patches = _extract_patches(call.first, layer)
    dense = copies.of(
        call,
        lambda name: keras.layers.Dense(
            layer.filters, activation=layer.activation, use_bias=layer.use_bias, name=name, dtype=layer.dtype_policy
        ),
    )
    outputs = dense(patches)
    weights = layer.get_weights()
    dense.set_weights([weights[0].reshape(-1, layer.filters), *weights[1:]])
    return outputs


def _extract_patches(x: Tensor, layer: keras.layers.Conv2D) -> Tensor:
    (rows, columns), (down, right) = layer.kernel_size, layer.strides
    if layer.padding == "same":
        sides = [
            _same_padding(size, *pair)
            for size, *pair in zip(x.shape[1:3], layer.kernel_size, layer.strides, strict=True)
        ]
        if any(side != (0, 0) for side in sides):
            x = ops.pad(x, [(0, 0), *sides, (0, 0)])
    height, width = ((x.shape[a + 1] - layer.kernel_size[a]) // layer.strides[a] + 1 for a in (0, 1))
    parts = [
        x[:, i : i + (height - 1) * down + 1 : down, j : j + (width - 1) * right + 1 : right]
        for i in range(rows)
        for j in range(columns)
    ]
    return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis of this size with padding `same`."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
