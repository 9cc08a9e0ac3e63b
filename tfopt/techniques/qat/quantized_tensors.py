"""The tensors of a model that are integers in an int8 file, and so are rounded while the model is trained.

Those are what goes in, and what each layer gives, but for what is no tensor in the file: a normalization is folded into
the layer before it, and a ReLU is done by the operation before it (Jacob et al. 2018, arXiv:1712.05877, section 3).
What only moves numbers gives the ones it was given. The outputs of the model are left alone: of an answer rounded to 8
bits small probabilities have no logarithm to learn from.
"""

from collections import Counter
from typing import NamedTuple

import keras
from keras import layers

from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor

MOVING = (  # what gives the numbers it takes, perhaps fewer or with zeros among them
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
    layers.RepeatVector,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    layers.Identity,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.ZeroPadding3D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Cropping3D,
    layers.Embedding,
)
MOVING_OPERATIONS = {"GetItem", "Reshape", "Transpose", "Squeeze", "ExpandDims", "Pad", "Repeat", "Stack", "Split"}
FUSING = (  # whose operations in the file do a ReLU as well
    layers.Dense,
    layers.Conv1D,
    layers.Conv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.BatchNormalization,
    layers.Add,
)


class Place(NamedTuple):
    """The place of a tensor: the number of the call that gives it, -1 for the inputs, and its number among those."""

    call: int
    position: int


def find_quantized_tensors(model: keras.Model) -> list[Place]:
    """Find the tensors that an int8 file holds as integers.

    Args:
        model: A model whose graph is known.

    Returns:
        Their places, calls counted as `replay` makes them.
    """
    calls: list[tuple[Call, list[Tensor], list[Tensor]]] = []

    def visit(call: Call) -> Tensor:
        given = [leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if isinstance(leaf, keras.KerasTensor)]
        outputs = keras.tree.flatten(call.operation.compute_output_spec(*call.args, **call.kwargs))
        calls.append((call, given, outputs))
        return outputs

    # Each input stands for itself even where a layer passes it on.
    inputs = [keras.KerasTensor(tensor.shape, tensor.dtype, name=tensor.name) for tensor in model.inputs]
    results = {id(tensor) for tensor in replay(model, inputs, visit)}
    readers = Counter(id(tensor) for _, given, _ in calls for tensor in given)
    absorbed = _absorbed(calls, readers, find_foldable(model))
    places = [Place(-1, position) for position, tensor in enumerate(inputs) if _is_float(tensor)]
    for number, (call, _, outputs) in enumerate(calls):
        for position, tensor in enumerate(outputs):
            inner = _is_float(tensor) and id(tensor) not in results and readers[id(tensor)]
            if inner and id(tensor) not in absorbed and not _moves(call.operation):
                places.append(Place(number, position))
    return places


def _absorbed(
    calls: list[tuple[Call, list[Tensor], list[Tensor]]], readers: Counter[int], folded: dict[str, str]
) -> set[int]:
    """Return the ids of the tensors that the operation after them takes in."""
    made_by = {id(tensor): call for call, _, outputs in calls for tensor in outputs}
    found = set()
    for call, given, _ in calls:
        if len(given) != 1 or readers[id(given[0])] != 1 or id(given[0]) not in made_by:
            continue
        before = made_by[id(given[0])].operation
        if call.name in folded or (_is_relu(call.operation) and isinstance(before, FUSING) and _is_linear(before)):
            found.add(id(given[0]))
    return found


def _is_relu(operation: keras.Operation) -> bool:
    if isinstance(operation, layers.ReLU):
        return operation.max_value in (None, 6) and not operation.negative_slope and not operation.threshold
    activation = getattr(operation, "activation", None)
    return isinstance(operation, layers.Activation) and activation in (keras.activations.relu, keras.activations.relu6)


def _is_linear(operation: keras.Operation) -> bool:
    return getattr(operation, "activation", None) in (None, keras.activations.linear)


def _moves(operation: keras.Operation) -> bool:
    if isinstance(operation, layers.UpSampling2D):
        return bool(operation.interpolation == "nearest")
    return isinstance(operation, MOVING) or type(operation).__name__ in MOVING_OPERATIONS


def _is_float(tensor: Tensor) -> bool:
    return isinstance(tensor, keras.KerasTensor) and tensor.dtype.startswith(("float", "bfloat"))
