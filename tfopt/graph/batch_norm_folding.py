"""Batch normalization folded into the kernel before it (Jacob et al. 2018, arXiv:1712.05877, section 3.2).

In inference a normalization is y = g (x - mean) + beta with g = gamma / sqrt(variance + epsilon), one g a channel: the
layer before it does the same with its kernel times g and the bias (b - mean) g + beta.
"""

from collections import Counter

import keras
import numpy as np

from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import LayerCopies, rebuild
from tfopt.graph.replay import Call, replay
from tfopt.typing import Array, Tensor

# The weight that takes the factors, and the axis of its output channels.
FOLDABLE: dict[type, tuple[str, int]] = {
    keras.layers.Dense: ("kernel", -1),
    keras.layers.Conv1D: ("kernel", -1),
    keras.layers.Conv2D: ("kernel", -1),
    keras.layers.Conv3D: ("kernel", -1),
    keras.layers.Conv2DTranspose: ("kernel", -2),
    keras.layers.SeparableConv1D: ("pointwise_kernel", -1),
    keras.layers.SeparableConv2D: ("pointwise_kernel", -1),
    keras.layers.DepthwiseConv1D: ("kernel", -1),
    keras.layers.DepthwiseConv2D: ("kernel", -1),
}
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


def fold_batch_norms(model: keras.Model, title: str) -> tuple[keras.Model, dict[str, str]]:
    """Copy a model without the normalizations that can be folded.

    One can be folded if it alone is fed by a dense or convolutional layer without activation, and both are called once.

    Args:
        model: The model.
        title: The name of the model in messages.

    Returns:
        The copy, and the normalizations that are gone, each with the name of the layer that took it.
    """
    pairs = find_foldable(model)
    before = {layer: normalization for normalization, layer in pairs.items()}
    layers = dict(named_layers(model))

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        if call.name in pairs:
            return call.first
        if call.name in before:
            return _copy_with_factors(call, layers[before[call.name]], copies)
        return copies.call(call)

    return rebuild(model, title, visit), pairs


def find_foldable(model: keras.Model) -> dict[str, str]:
    """Find the normalizations that can be folded.

    Args:
        model: A model whose graph is known.

    Returns:
        Their names, each with the name of the layer before it, which takes the factors.
    """
    made_by: dict[int, Call] = {}
    readers: Counter[int] = Counter()
    calls: Counter[str] = Counter()
    candidates: list[tuple[Call, int]] = []
    alive = []  # tensors are known by their identity, so none of them may go

    def visit(call: Call) -> Tensor:
        calls[call.name] += 1
        given = [leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if isinstance(leaf, keras.KerasTensor)]
        readers.update(id(tensor) for tensor in given)
        if type(call.operation) is keras.layers.BatchNormalization and len(given) == 1:
            candidates.append((call, id(given[0])))
        outputs = call.operation(*call.args, **call.kwargs)
        for tensor in keras.tree.flatten(outputs):
            made_by[id(tensor)] = call
        alive.append(outputs)
        return outputs

    results = replay(model, list(model.inputs), visit)
    readers.update(id(tensor) for tensor in results)
    return {
        call.name: made_by[tensor].name
        for call, tensor in candidates
        if tensor in made_by and readers[tensor] == 1 and calls[call.name] == calls[made_by[tensor].name] == 1
        and _can_take(made_by[tensor].operation, call.operation)
    }  # fmt: skip


def _can_take(layer: keras.Operation, normalization: keras.layers.BatchNormalization) -> bool:
    if type(layer) not in FOLDABLE or layer.activation is not keras.activations.linear:
        return False
    axis = normalization.axis if isinstance(normalization.axis, int) else normalization.axis[0]
    rank = len(layer.output.shape)
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return channels_last and axis % rank == rank - 1


def _copy_with_factors(call: Call, normalization: keras.layers.BatchNormalization, copies: LayerCopies) -> Tensor:
    layer = call.operation
    config = {**layer.get_config(), "use_bias": True, "name": copies.unique(call.name)}
    copy = type(layer).from_config(config)
    outputs = copy(*call.args, **call.kwargs)
    factor, shift = batch_norm_factors(normalization)
    name, axis = FOLDABLE[type(layer)]
    weights = {weight.name: weight.numpy() for weight in layer.weights}
    weights[name] = weights[name] * _shape_factors(
        factor, weights[name].shape, axis, depthwise=isinstance(layer, DEPTHWISE)
    )
    weights["bias"] = weights.get("bias", np.zeros_like(shift)) * factor + shift
    copy.set_weights([weights[weight.name] for weight in copy.weights])
    return outputs


def batch_norm_factors(normalization: keras.layers.BatchNormalization) -> tuple[Array, Array]:
    """Return the factor and shift (C,) of a normalization in inference: y = factor * x + shift."""
    weights = {weight.name: weight.numpy().astype(np.float64) for weight in normalization.weights}
    factor = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + normalization.epsilon)
    shift = weights.get("beta", 0.0) - weights["moving_mean"] * factor
    return factor.astype(np.float32), shift.astype(np.float32)


def _shape_factors(factor: Array, shape: tuple[int, ...], axis: int, *, depthwise: bool) -> Array:
    """Shape the factor (C,) to multiply a kernel; a depthwise kernel has its channels in the last two axes."""
    if depthwise:
        return factor.reshape(shape[-2:])
    return factor.reshape([-1 if position == axis % len(shape) else 1 for position in range(len(shape))])
