"""A Keras 3 model is rebuilt in tf_keras, layer by layer, and verified.

First the graph is run once on random inputs: at each call the twin of the layer is built, given the weights, and asked
for the same answer; where that fails the layer itself is used, in a wrapper. Then the graph is built from twins and
wrappers, and the whole is compared with the original. Nested models are flattened on the way.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
import tf_keras

from tfopt.errors import UnsupportedError
from tfopt.formats.equivalence import TOLERANCE, output_arrays, relative_difference
from tfopt.formats.legacy.layer_twins import NoTwinError, make_twins
from tfopt.formats.legacy.wrapper_layer import WrappedCall, extract_tensors, wrapper_class
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import call, explain_failures
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.typing import Array, Tensor

Layers = tuple[tf_keras.layers.Layer, ...]  # called in a row


@dataclass(frozen=True)
class TfKerasCopy:
    """A Keras 3 model rebuilt in tf_keras.

    Attributes:
        source: The Keras 3 model.
        model: The same in tf_keras.
        wrapper: The class of the layers that wrap a layer of `source`.
        difference: The largest difference of their outputs, relative to the largest output.
        twins: For layers of `source`, by name, the layers of tf_keras that do the same, called in a row.
        wrapped: For all others, by name, why there is no such layer.
        names: The names of the layers of `source`, by identity; a shared layer has one name.
    """

    source: keras.Model
    model: tf_keras.Model
    wrapper: type[tf_keras.layers.Layer]
    difference: float
    twins: dict[str, Layers]
    wrapped: dict[str, str]
    names: dict[int, str]

    def variables(self, layer: keras.Layer) -> list[tf.Variable]:
        """Return the variables that stand for the weights of a layer of `source`; its own if it has no twin."""
        twins = self.twin(layer)
        return [variable for twin in twins for variable in twin.weights] if twins else _own_variables(layer)

    def twin(self, layer: keras.Layer) -> Layers:
        """Return the twin of a layer of `source`; nothing if it is wrapped or not part of the graph."""
        return self.twins.get(self.names.get(id(layer), ""), ())


def to_tf_keras(
    model: keras.Model, title: str, wrap: Callable[[keras.Layer], str | None] = lambda _: None
) -> TfKerasCopy:
    """Rebuild `model` in tf_keras.

    Args:
        model: A Keras 3 model, which is left alone.
        title: What messages call it.
        wrap: Gives a reason for each layer that shall be wrapped even if it has a twin, and None for the others.

    Returns:
        The copy, whose outputs are those of `model`.

    Raises:
        UnsupportedError: The graph of the model is not known, or the outputs of the copy differ.
    """
    if not is_graph(model):
        raise UnsupportedError(
            f"{title} is a {type(model).__name__}, a model whose graph is not known: it cannot be rebuilt in tf_keras."
            " Pruning and quantization after training need no rebuilding: leave out `qat` or `engine` tfmot"
        )
    builder = _Builder(wrap)
    inputs = random_inputs(model)
    with explain_failures(title):
        replay(model, inputs, builder.choose)
    symbols = [
        tf_keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=builder.unique(tensor.name))
        for tensor in model.inputs
    ]
    outputs = replay(model, symbols, builder.connect)
    rebuilt = tf_keras.Model(symbols, outputs, name=builder.unique(model.name))
    difference = relative_difference(output_arrays(call(model, inputs)), output_arrays(rebuilt(inputs, training=False)))
    if not difference <= TOLERANCE:
        raise UnsupportedError(
            f"{title} answers differently after it was rebuilt in tf_keras, by {difference:.1e} of its output;"
            f" the first layer that differs is {_first_different(model, inputs)}"
        )
    return TfKerasCopy(model, rebuilt, builder.wrapper, difference, builder.twins, builder.wrapped, builder.names)


def _own_variables(layer: keras.Layer) -> list[tf.Variable]:
    return [weight.value for weight in layer.weights]


def _first_different(model: keras.Model, inputs: list[tf.Tensor]) -> str:
    """Find the first layer whose outputs differ from call to call: twins agree, so it is one that is random."""
    found: list[str] = []

    def visit(call: Call) -> Tensor:
        answer, again = call.infer(), call.infer()
        if not relative_difference(output_arrays(answer), output_arrays(again)) <= TOLERANCE:
            found.append(call.name)
        return answer

    replay(model, inputs, visit)
    return found[0] if found else "not found"


class _Builder:
    """Chooses a twin or a wrapper for each layer while the graph runs on samples, then connects them."""

    def __init__(self, wrap: Callable[[keras.Layer], str | None]) -> None:
        self.wrap = wrap
        self.calls: dict[str, WrappedCall] = {}
        self.wrapper = wrapper_class(self.calls)
        self.twins: dict[str, Layers] = {}
        self.wrapped: dict[str, str] = {}
        self.names: dict[int, str] = {}
        self._taken: set[str] = set()

    def choose(self, call: Call) -> Tensor:
        """Call the Keras 3 layer, and see whether a twin gives the same."""
        answer = call.infer()
        name = self.names.setdefault(id(call.operation), call.name)
        if name not in self.wrapped:
            try:
                self._try_twin(name, call, answer)
            except NoTwinError as reason:
                self.wrapped[name] = str(reason)
                self.twins.pop(name, None)
        return answer

    def connect(self, call: Call) -> Tensor:
        """Call the twin or the wrapper with symbolic tensors."""
        name = self.names[id(call.operation)]
        if name in self.twins:
            return _call_layers(self.twins[name], call)
        (args, kwargs), tensors = extract_tensors((call.args, call.kwargs))
        key = self.unique(call.name)
        self.calls[key] = WrappedCall(call.operation, args, kwargs)
        return self.wrapper(key, name=key)(tensors)

    def unique(self, name: str) -> str:
        """Make of `name` one that tf_keras takes and that no other layer has."""
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", name).lstrip("_") or "layer"
        while plain in self._taken:
            plain += "_"
        self._taken.add(plain)
        return plain

    def _try_twin(self, name: str, call: Call, answer: Tensor) -> None:
        try:
            if name not in self.twins:
                self.twins[name] = self._twin(name, call)
            difference = relative_difference(output_arrays(answer), output_arrays(_call_layers(self.twins[name], call)))
        except NoTwinError:
            raise
        except Exception as error:  # whatever tf_keras finds wrong with it, the layer itself can still be wrapped
            raise NoTwinError(f"its twin in tf_keras fails: {' '.join(str(error).split())[:100]}") from error
        if not difference <= TOLERANCE:
            raise NoTwinError(f"its twin in tf_keras answers differently, by {difference:.1e}")

    def _twin(self, name: str, call: Call) -> Layers:
        """Make a twin, build it and copy the weights; adding two tensors of one shape becomes a layer that adds."""
        if _is_sum(call):
            return (tf_keras.layers.Add(name=self.unique(name)),)
        reason = self.wrap(call.operation)
        if reason is not None:
            raise NoTwinError(reason)
        layers = make_twins(call.operation, self.unique(name))
        _call_layers(layers, call)
        copy_weights([weight.numpy() for weight in call.operation.weights], layers)
        for layer in layers:
            layer.trainable = call.operation.trainable
        return layers


def _is_sum(call: Call) -> bool:
    """Tell whether this is `a + b` with two tensors of one shape, which is what the layer Add does."""
    operation = call.operation
    return (
        type(operation).__name__ == "Add"
        and not isinstance(operation, keras.Layer)
        and len({tuple(getattr(x, "shape", ())) for x in call.args}) == 1
    )


def _call_layers(layers: Layers, call: Call) -> Tensor:
    first, *rest = layers
    if _is_sum(call):
        return first(list(call.args))
    value = first(*call.args, **{name: value for name, value in call.kwargs.items() if value is not None})
    for layer in rest:
        value = layer(value)
    return value


def copy_weights(weights: Sequence[Array], layers: Layers) -> None:
    """Set the variables of `layers` to `weights`, in order; raise `NoTwinError` if the shapes differ."""
    variables = [variable for layer in layers for variable in layer.weights]
    if [tuple(weight.shape) for weight in weights] != [tuple(variable.shape) for variable in variables]:
        raise NoTwinError("its twin in tf_keras has other weights")
    for variable, weight in zip(variables, weights, strict=True):
        variable.assign(weight)


def with_trained_weights(
    fresh: keras.Model, source: keras.Model, variables: Callable[[keras.Layer], Sequence[tf.Variable]]
) -> keras.Model:
    """Bring weights that were trained in tf_keras back into a Keras 3 model.

    Args:
        fresh: A model of the same architecture as `source`; its weights are set.
        source: The model that was rebuilt in tf_keras.
        variables: Gives the trained variables that stand for the weights of a layer of `source`, in their order.

    Returns:
        `fresh`.
    """
    trained = {
        weight.path: variable.numpy()
        for _, layer in named_layers(source)
        for weight, variable in zip(layer.weights, variables(layer), strict=True)
    }
    fresh.set_weights([trained.get(weight.path, weight.numpy()) for weight in source.weights])
    return fresh
