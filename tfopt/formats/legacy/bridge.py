"""A Keras 3 model is rebuilt in tf_keras, layer by layer, and verified.

First the graph is run once on random inputs: at each call the twin of the layer is built, given the weights, and asked
for the same answer; one that fails is replaced by a holder of the layer itself. Then the graph is built from these
stand-ins, and the whole is compared with the original. Nested models are flattened on the way.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
import tf_keras

from tfopt.errors import UnsupportedError
from tfopt.formats.legacy.carriers import Held, holder, split
from tfopt.formats.legacy.differences import TOLERANCE, answers, difference
from tfopt.formats.legacy.layer_twins import NoTwinError, twin
from tfopt.graph.model_io import call, explain_failures
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.typing import Array, Tensor

Chain = tuple[tf_keras.layers.Layer, ...]  # called in a row


@dataclass(frozen=True)
class Crossing:
    """The model in tf_keras; for each layer of the Keras 3 model, by name, its twin or why it is carried."""

    source: keras.Model
    model: tf_keras.Model
    holder: type[tf_keras.layers.Layer]
    difference: float
    twins: dict[str, Chain]
    carried: dict[str, str]
    names: dict[int, str]  # of the layers, by identity; a shared layer has one name

    def variables(self, layer: keras.Layer) -> list[tf.Variable]:
        """The variables that stand for the weights of a Keras 3 layer, in their order; its own if it has no twin."""
        chain = self.twin(layer)
        return [variable for twin in chain for variable in twin.weights] if chain else _own(layer)

    def twin(self, layer: keras.Layer) -> Chain:
        """The twin of a Keras 3 layer; empty if it is carried or not part of the graph."""
        return self.twins.get(self.names.get(id(layer), ""), ())


def cross(model: keras.Model, title: str, carry: Callable[[keras.Layer], str | None] = lambda _: None) -> Crossing:
    """Rebuild `model` in tf_keras; raise `UnsupportedError` if its graph is not known or the outputs differ.

    A layer for which `carry` gives a reason is carried although it may have a twin.
    """
    if not is_graph(model):
        raise UnsupportedError(
            f"{title} is a {type(model).__name__}, a model whose graph is not known: it cannot be rebuilt in tf_keras."
            " Pruning and quantization after training need no rebuilding: leave out --qat or --engine tfmot"
        )
    builder = _Builder(carry)
    inputs = random_inputs(model)
    with explain_failures(title):
        replay(model, inputs, builder.choose)
    symbols = [
        tf_keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=builder.unique(tensor.name))
        for tensor in model.inputs
    ]
    outputs = replay(model, symbols, builder.connect)
    crossed = tf_keras.Model(symbols, outputs, name=builder.unique(model.name))
    apart = difference(answers(call(model, inputs)), answers(crossed(inputs, training=False)))
    if not apart <= TOLERANCE:
        raise UnsupportedError(
            f"{title} answers differently after it was rebuilt in tf_keras, by {apart:.1e} of its output;"
            f" the first layer that differs is {_first_different(model, inputs)}"
        )
    return Crossing(model, crossed, builder.holder, apart, builder.twins, builder.carried, builder.names)


def _own(layer: keras.Layer) -> list[tf.Variable]:
    return [weight.value for weight in layer.weights]


def _first_different(model: keras.Model, inputs: list[tf.Tensor]) -> str:
    """The first layer whose answers to the same question differ: twins were compared, so it is one that is random."""
    found: list[str] = []

    def visit(call: Call) -> Tensor:
        answer, again = call.infer(), call.infer()
        if not difference(answers(answer), answers(again)) <= TOLERANCE:
            found.append(call.name)
        return answer

    replay(model, inputs, visit)
    return found[0] if found else "not found"


class _Builder:
    """Chooses what stands for each layer while the graph runs on samples, then connects the stand-ins."""

    def __init__(self, carry: Callable[[keras.Layer], str | None]) -> None:
        self.carry = carry
        self.held: dict[str, Held] = {}
        self.holder = holder(self.held)
        self.twins: dict[str, Chain] = {}
        self.carried: dict[str, str] = {}
        self._taken: set[str] = set()
        self.names: dict[int, str] = {}

    def choose(self, call: Call) -> Tensor:
        """Answer as the Keras 3 layer does, and see whether a twin would."""
        answer = call.infer()
        name = self.names.setdefault(id(call.operation), call.name)
        if name not in self.carried:
            try:
                self._try_twin(name, call, answer)
            except NoTwinError as reason:
                self.carried[name] = str(reason)
                self.twins.pop(name, None)
        return answer

    def connect(self, call: Call) -> Tensor:
        """Call the stand-in with symbolic tensors."""
        name = self.names[id(call.operation)]
        if name in self.twins:
            return _ask(self.twins[name], call)
        (args, kwargs), tensors = split((call.args, call.kwargs))
        key = self.unique(call.name)
        self.held[key] = Held(call.operation, args, kwargs)
        return self.holder(key, name=key)(tensors)

    def unique(self, name: str) -> str:
        """A name that tf_keras takes and that no other layer has."""
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", name).lstrip("_") or "layer"
        while plain in self._taken:
            plain += "_"
        self._taken.add(plain)
        return plain

    def _try_twin(self, name: str, call: Call, answer: Tensor) -> None:
        try:
            if name not in self.twins:
                self.twins[name] = self._twin(name, call)
            apart = difference(answers(answer), answers(_ask(self.twins[name], call)))
        except NoTwinError:
            raise
        except Exception as error:  # whatever tf_keras finds wrong with it, the layer itself can still be carried
            raise NoTwinError(f"its twin in tf_keras fails: {' '.join(str(error).split())[:100]}") from error
        if not apart <= TOLERANCE:
            raise NoTwinError(f"its twin in tf_keras answers differently, by {apart:.1e}")

    def _twin(self, name: str, call: Call) -> Chain:
        """A twin that is built and has the weights; adding two tensors of one shape becomes a layer that adds."""
        if _is_sum(call):
            return (tf_keras.layers.Add(name=self.unique(name)),)
        reason = self.carry(call.operation)
        if reason is not None:
            raise NoTwinError(reason)
        layers = twin(call.operation, self.unique(name))
        _ask(layers, call)
        copy_weights([weight.numpy() for weight in call.operation.weights], layers)
        for layer in layers:
            layer.trainable = call.operation.trainable
        return layers


def _is_sum(call: Call) -> bool:
    """Whether this is `a + b` with two tensors of one shape, which is what the layer Add does."""
    operation = call.operation
    return (
        type(operation).__name__ == "Add"
        and not isinstance(operation, keras.Layer)
        and len({tuple(getattr(x, "shape", ())) for x in call.args}) == 1
    )


def _ask(layers: Chain, call: Call) -> Tensor:
    first, *rest = layers
    if _is_sum(call):
        return first(list(call.args))
    value = first(*call.args, **{name: value for name, value in call.kwargs.items() if value is not None})
    for layer in rest:
        value = layer(value)
    return value


def copy_weights(weights: Sequence[Array], layers: Chain) -> None:
    """Give `layers` the weights, in their order; raise `NoTwinError` if the shapes differ."""
    variables = [variable for layer in layers for variable in layer.weights]
    if [tuple(weight.shape) for weight in weights] != [tuple(variable.shape) for variable in variables]:
        raise NoTwinError("its twin in tf_keras has other weights")
    for variable, weight in zip(variables, weights, strict=True):
        variable.assign(weight)
