"""A Functional model made anew from copies of its layers, any of which may be replaced or left out on the way.

Nested models are flattened, weights are copied; the copy is not compiled.
"""

import re
from collections.abc import Callable

import keras

from tfopt.errors import UnsupportedError
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.typing import Tensor


class LayerCopies:
    """Copies of the layers of a model, one for each, with its weights; shared layers stay shared."""

    def __init__(self) -> None:
        self._made: dict[int, keras.Operation] = {}
        self._taken: set[str] = set()

    def call(self, call: Call, **options: object) -> Tensor:
        """Call the copy of a layer or operation as the original is called; `options` replace entries of its config."""
        original = call.operation
        new = id(original) not in self._made

        def make(name: str) -> keras.Operation:
            try:
                return type(original).from_config({**original.get_config(), **options, "name": name})
            except (TypeError, ValueError) as error:  # of a class that does not take its own configuration
                raise UnsupportedError(f"{call.name} ({type(original).__name__}) cannot be made anew") from error

        copy = self.of(call, make)
        outputs = copy(*call.args, **call.kwargs)
        if new and isinstance(original, keras.Layer):
            copy.set_weights(original.get_weights())
            if isinstance(copy, keras.layers.Normalization):
                copy.finalize_state()  # it computes with what it made of its weights
        return outputs

    def of(self, call: Call, make: Callable[[str], keras.Operation]) -> keras.Operation:
        """Return the stand-in for the layer that is called; at its first call `make` makes it of a name."""
        if id(call.operation) not in self._made:
            self._made[id(call.operation)] = make(self.unique(call.name))
        return self._made[id(call.operation)]

    def unique(self, name: str) -> str:
        """Return a name that no other layer has, without the slashes of nested ones."""
        plain = re.sub(r"/", "_", name)
        while plain in self._taken:
            plain += "_"
        self._taken.add(plain)
        return plain


def rebuild(model: keras.Model, title: str, visit: Callable[[Call, LayerCopies], Tensor] | None = None) -> keras.Model:
    """Copy a model call by call.

    Args:
        model: The model.
        title: Its name in messages.
        visit: Answers a call in place of the copied layer; None copies all.

    Returns:
        The copy, not compiled.

    Raises:
        UnsupportedError: If the graph of the model is not known.
    """
    if not is_graph(model):
        raise UnsupportedError(
            f"{title} is a {type(model).__name__}, a model whose graph is not known: its layers cannot be replaced."
            " Pruning, clustering and quantization after training work on it"
        )
    copies = LayerCopies()
    answer = visit or (lambda call, copies: copies.call(call))
    inputs = [
        keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=copies.unique(tensor.name))
        for tensor in model.inputs
    ]
    outputs = replay(model, inputs, lambda call: answer(call, copies))
    return _make_model(model, inputs, outputs)


def compile_like(model: keras.Model, copy: keras.Model) -> keras.Model:
    """Compile `copy` as `model` was, if it was; return `copy`."""
    config = model.get_compile_config() if model.compiled else None
    if config:
        copy.compile(**keras.saving.deserialize_keras_object(config))
    return copy


def _make_model(model: keras.Model, inputs: list[Tensor], outputs: list[Tensor]) -> keras.Model:
    """Make the new model, whose inputs and outputs have the structure (a tensor, a list, a dict) of the old one's."""
    if isinstance(model, keras.Sequential):
        return keras.Model(inputs[0], outputs[0], name=model.name)
    return keras.Model(
        keras.tree.pack_sequence_as(model.input, inputs),
        keras.tree.pack_sequence_as(model.output, outputs),
        name=model.name,
    )
