"""Signs in place of activations, so that a binarized layer multiplies one bit with one bit (Courbariaux et al. 2016).

An activation is replaced where all it feeds are binarized layers, be it through max pooling or a change of shape.
While training its gradient is that of a clipped identity (arXiv:1602.02830, eq. 4); afterwards it is `keras.ops.sign`.
"""

from collections.abc import Callable, Container

import keras
from keras import ops

from tfopt.graph.model_copy import LayerCopies, rebuild
from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor

REPLACED = (
    keras.activations.relu,
    keras.activations.relu6,
    keras.activations.leaky_relu,
    keras.activations.elu,
    keras.activations.selu,
    keras.activations.gelu,
    keras.activations.silu,
    keras.activations.tanh,
    keras.activations.hard_tanh,
    keras.activations.hard_silu,
)
ACTIVATIONS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU, keras.layers.PReLU)
WITH_ONE = (  # layers whose option of that name is what they answer with; a recurrent layer's is in its cell
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
PASSING = (
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
)


class Sign(keras.layers.Layer):
    """The sign, whose gradient is 1 between -1 and 1 and 0 elsewhere; for training only."""

    def call(self, x: Tensor) -> Tensor:
        """-1, 1, or 0 at 0, for x of any shape: what the saved model and its file compute."""
        clipped = ops.clip(x, -1.0, 1.0)
        return clipped + ops.stop_gradient(ops.sign(x) - clipped)


def replaceable(model: keras.Model, binarized: Container[str]) -> set[str]:
    """Names of the layers whose activation can become a sign."""
    origin: dict[int, str] = {}
    feeds: dict[str, bool] = {}  # whether all that an activation feeds is binarized
    alive = []  # tensors are known by their identity, so none of them may go

    def visit(call: Call) -> Tensor:
        outputs = call.operation(*call.args, **call.kwargs)
        alive.append(outputs)
        given = [leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if id(leaf) in origin]
        if isinstance(call.operation, PASSING) and given:
            origin[id(outputs)] = origin[id(given[0])]
        else:
            for leaf in given:
                feeds[origin[id(leaf)]] = feeds.get(origin[id(leaf)], True) and call.name in binarized
        if _is_activation(call.operation):
            origin[id(outputs)] = call.name
        return outputs

    for tensor in replay(model, list(model.inputs), visit):
        if id(tensor) in origin:
            feeds[origin[id(tensor)]] = False
    return {name for name, only in feeds.items() if only}


def with_signs(model: keras.Model, title: str, names: Container[str], sign: Callable[[Tensor], Tensor]) -> keras.Model:
    """A copy of `model` in which the activations of the layers `names` are `sign`."""

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        if call.name not in names:
            return copies.call(call)
        if isinstance(call.operation, (*ACTIVATIONS, keras.layers.Activation)):
            return sign(call.first)
        return sign(copies.call(call, activation="linear"))

    return rebuild(model, title, visit)


def _is_activation(operation: keras.Operation) -> bool:
    return isinstance(operation, ACTIVATIONS) or (isinstance(operation, WITH_ONE) and operation.activation in REPLACED)
