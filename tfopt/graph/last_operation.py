"""The operation that gives the output of a model, wherever it stands among its layers, and whether it gives shares."""

from dataclasses import dataclass
from typing import Any

import keras

from tfopt.graph.replay import Call, is_graph, replay

SHAPING = {"Reshape", "Flatten", "Dropout", "Squeeze", "Identity", "ExpandDims"}  # these leave values as they are
PROBABILITIES = {"Softmax", "Sigmoid", "HardSigmoid"}
ACTIVATIONS = (keras.activations.softmax, keras.activations.sigmoid, keras.activations.hard_sigmoid)


@dataclass(frozen=True)
class _Made:
    """Stands for a tensor: the operation that makes it, and what that was given first."""

    operation: keras.Operation
    given: Any


def last_operation(model: keras.Model, output: int = 0) -> keras.Operation | None:
    """Return the operation that gives an output, before those that only shape it; None if there is none.

    Of a model whose graph is not known it is the last layer.
    """
    if not is_graph(model):
        return model.layers[-1] if model.layers else None

    def visit(call: Call) -> list[_Made]:
        return [_Made(call.operation, call.first)] * _outputs(call.operation)

    try:
        made: Any = replay(model, [object()] * len(model.inputs), visit)[output]
    except IndexError:  # the second output of an operation that is called several times
        return None
    while isinstance(made, _Made) and _shapes_only(made.operation) and isinstance(made.given, _Made):
        made = made.given
    return made.operation if isinstance(made, _Made) else None


def gives_probabilities(model: keras.Model, output: int = 0) -> bool:
    """Tell whether an output of a classifier has probabilities; otherwise it has logits.

    The last activation says so, and where there is none the loss that the model was compiled with.
    """
    last = last_operation(model, output)
    activation = getattr(last, "activation", None)
    if type(last).__name__ in PROBABILITIES:
        return True
    if activation is not None and activation is not keras.activations.linear:
        return activation in ACTIVATIONS
    loss = model.loss if model.compiled else None
    if isinstance(loss, str):
        return "crossentropy" in loss  # those of Keras take probabilities unless they are told otherwise
    options = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    return options.get("from_logits") is False


def _outputs(operation: keras.Operation) -> int:
    """Return the number of tensors that a call of an operation gives; one that is called several times gives one."""
    try:
        return len(keras.tree.flatten(operation.output))
    except (AttributeError, ValueError):
        return 1


def _shapes_only(operation: keras.Operation) -> bool:
    linear = getattr(operation, "activation", None) is keras.activations.linear
    return type(operation).__name__ in SHAPING or (isinstance(operation, keras.layers.Activation) and linear)
