"""A Keras 3 model as a list of calls, to be replayed with any kind of tensor and anything that stands for its layers.

The graph is read from `get_config`, which is what a `.keras` file holds: each operation lists its calls ("nodes") with
their arguments, in which a tensor is named by the operation, the call and the position it comes from.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras

from tfopt.errors import UnsupportedError
from tfopt.typing import Json, Options, Tensor


class Call(NamedTuple):
    """One use of a layer or operation: its name (those of nested models as `nested/layer`) and its arguments."""

    name: str
    operation: keras.Operation
    args: tuple[Tensor, ...]
    kwargs: Options

    @property
    def first(self) -> Tensor:
        """The first tensor it is called with, be it by position or by name."""
        return keras.tree.flatten((self.args, self.kwargs))[0]

    def infer(self) -> Tensor:
        """Call the layer in inference: some train unless they are told not to, as random augmentation does."""
        if isinstance(self.operation, keras.Layer):
            return self.operation(*self.args, **self.kwargs, training=False)
        return self.operation(*self.args, **self.kwargs)


Visit = Callable[[Call], Tensor]
Enter = Callable[[Call, list[Tensor]], None]
Node = tuple[str, int]  # an operation and which of its calls
TENSOR = "__keras_tensor__"


def is_graph(model: object) -> bool:
    """Tell whether the calls inside a model are known: Sequential and built, or Functional with no `call` of its own.

    It is False for anything that is no Keras model.
    """
    if not isinstance(model, keras.Model):
        return False
    if isinstance(model, keras.Sequential):
        return type(model) is keras.Sequential and model.built and bool(model.inputs)
    try:
        return type(model).call is type(_as_functional(model)).call
    except (AttributeError, ValueError, TypeError):
        return False


def replay(
    model: keras.Model,
    inputs: Sequence[Tensor],
    visit: Visit,
    prefix: str = "",
    enter: Enter | None = None,
    whole: keras.Model | None = None,
) -> list[Tensor]:
    """Repeat the calls of a model, each answered by a function.

    Calls come in an order in which every argument is known. Nested models are entered, so that `visit` sees the calls
    of leaf layers and operations only. What no later call reads is forgotten.

    Args:
        model: A model whose graph is known.
        inputs: A value for each input: tensors, or anything that `visit` understands.
        visit: Answers a call; `call.infer` is what the model itself would do.
        prefix: Stands before the names of calls.
        enter: Is told of the calls of nested models and of the values that go in.
        whole: A nested model that is not entered: `visit` answers for it.

    Returns:
        The outputs, flat.

    Raises:
        UnsupportedError: If the graph is not connected.
    """
    if isinstance(model, keras.Sequential):
        [value] = inputs
        for layer in model.layers:
            [value] = _answer(Call(f"{prefix}{layer.name}", layer, (value,), {}), visit, enter, whole)
        return [value]
    graph = _as_functional(model)
    config = graph.get_config()
    operations = {operation.name: operation for operation in graph.operations}
    values = {(name, index): [value] for (name, index, _), value in zip(config["input_layers"], inputs, strict=True)}
    # For outputs, but not for arguments, Keras numbers the calls of a nested Functional model from 1.
    first = {name: int(isinstance(operation, type(graph))) for name, operation in operations.items()}
    outputs = [(name, index - first[name], position) for name, index, position in config["output_layers"]]
    unread = Counter((name, index) for name, index, _ in outputs)
    calls = list(_sort_calls(config["layers"], set(values)))
    for *_, sources in calls:
        unread.update(sources)
    for name, index, node, sources in calls:
        args, kwargs = _resolve(node["args"], values), _resolve(node["kwargs"], values)
        kwargs.pop("training", None)
        call = Call(f"{prefix}{name}", operations[name], tuple(args), kwargs)
        values[name, index] = _answer(call, visit, enter, whole)
        unread.subtract(sources)
        for source in sources:
            if not unread[source]:
                del values[source]
    return [values[name, index][position] for name, index, position in outputs]


def _as_functional(model: keras.Model) -> keras.Model:
    """Return the graph of `model` as a plain Functional model with flat inputs and outputs, of the same layers."""
    return keras.Model(list(model.inputs), list(model.outputs))


def _answer(call: Call, visit: Visit, enter: Enter | None, whole: keras.Model | None) -> list[Tensor]:
    if call.operation is not whole and is_graph(call.operation):
        given = [value for name, value in call.kwargs.items() if name != "mask"]
        inputs = [leaf for leaf in keras.tree.flatten((call.args, given)) if leaf is not None]
        if enter:
            enter(call, inputs)
        return replay(call.operation, inputs, visit, f"{call.name}/", enter, whole)
    return list(keras.tree.flatten(visit(call)))


def _sort_calls(layers: list[Json], known: set[Node]) -> Iterator[tuple[str, int, Json, set[Node]]]:
    """Yield (operation, number of the call, its arguments, what feeds it), each once all that feeds it was yielded."""
    known = set(known)
    waiting = [
        (layer["name"], index, node, _find_sources([node["args"], node["kwargs"]]))
        for layer in layers
        for index, node in enumerate(layer["inbound_nodes"])
        if (layer["name"], index) not in known
    ]
    while waiting:
        later = []
        for name, index, node, sources in waiting:
            if sources <= known:
                known.add((name, index))
                yield name, index, node, sources
            else:
                later.append((name, index, node, sources))
        if len(later) == len(waiting):
            raise UnsupportedError(f"the graph is not connected: nothing feeds {waiting[0][0]}")
        waiting = later


def _find_sources(argument: object) -> set[Node]:
    if isinstance(argument, dict):
        if argument.get("class_name") == TENSOR:
            name, index, _ = argument["config"]["keras_history"]
            return {(name, index)}
        return _find_sources(list(argument.values()))
    if isinstance(argument, list | tuple):
        return set().union(*map(_find_sources, argument))
    return set()


def _resolve(argument: Any, values: dict[Node, list[Tensor]]) -> Tensor:
    """Replace the tensors in a saved argument by their values, and what Keras serialized by the object itself."""
    if isinstance(argument, list | tuple):
        return [_resolve(item, values) for item in argument]
    if isinstance(argument, dict):
        kind = argument.get("class_name")
        if kind == TENSOR:
            name, index, position = argument["config"]["keras_history"]
            return values[name, index][position]
        if kind == "__tuple__":
            return tuple(_resolve(item, values) for item in argument["items"])
        if kind is not None and "config" in argument:
            return keras.saving.deserialize_keras_object(argument)
        return {key: _resolve(item, values) for key, item in argument.items()}
    return argument
