"""Multiply-accumulates of a Keras model, counted on its TensorFlow graph, so that any layer is covered.

Counted are the operations that multiply matrices or convolve; additions, activations and normalizations are not, as is
usual in the field. The graph is traced for one sample.
"""

import re
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import keras
import tensorflow as tf

Shape = list[int]


def keras_macs(model: keras.Model) -> int | None:
    """Count the MACs of one sample; None if a size or the length of a loop is not fixed, or the model is subclassed."""
    try:
        specs = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    except (AttributeError, ValueError):
        return None
    argument = specs[0] if len(specs) == 1 else specs
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(argument).graph
    definition = graph.as_graph_def(add_shapes=True)
    functions = {function.signature.name: function for function in definition.library.function}
    try:
        return _count(definition.node, functions)
    except ValueError:
        return None


def _count(nodes: Iterable[Any], functions: dict[str, Any], arguments: dict[str, Shape | None] | None = None) -> int:
    by_name = {node.name: node for node in nodes}

    def node_of(reference: str) -> Any:
        return by_name.get(reference.lstrip("^").split(":")[0])

    def shape(reference: str) -> Shape:
        node = node_of(reference)
        if node is None:
            found = (arguments or {}).get(reference)
        else:
            output = reference.rsplit(":", 1)[-1] if ":" in reference else "0"
            shapes = node.attr["_output_shapes"].list.shape
            found = [d.size for d in shapes[int(output)].dim] if len(shapes) > int(output) else None
        if found is None or any(size < 0 for size in found):
            raise ValueError(f"the shape of {reference} is not fixed")
        return found

    total = 0
    for node in by_name.values():
        match node.op:
            case "PartitionedCall" | "StatefulPartitionedCall":
                total += _count_function(functions[node.attr["f"].func.name], functions)
            case "While" | "StatelessWhile":
                body = _count_function(functions[node.attr["body"].func.name], functions)
                total += body * _trips(node_of(node.input[1])) if body else 0
            case _:
                total += _node_macs(node, shape)
    return total


def _count_function(function: Any, functions: dict[str, Any]) -> int:
    arguments: dict[str, Shape | None] = {}
    for index, argument in enumerate(function.signature.input_arg):
        shapes = function.arg_attr[index].attr["_output_shapes"].list.shape
        arguments[argument.name] = [d.size for d in shapes[0].dim] if shapes else None
    return _count(function.node_def, functions, arguments)


def _trips(node: Any) -> int:
    """Iterations of a loop whose `maximum_iterations` is a constant, as in Keras' recurrent layers."""
    if node is None or node.op != "Const":
        raise ValueError("a loop of unknown length")
    trips = int(tf.make_ndarray(node.attr["value"].tensor))
    if trips < 0:
        raise ValueError("a loop of unknown length")
    return trips


def _node_macs(node: Any, shape: Callable[[str], Shape]) -> int:
    match node.op:
        case "Conv2D" | "Conv3D":
            return prod(_output(node)) * prod(shape(node.input[1])[:-1])
        case "DepthwiseConv2dNative":
            return prod(_output(node)) * prod(shape(node.input[1])[:2])
        case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":
            return prod(shape(node.input[2])) * prod(shape(node.input[1])[:-1])
        case "MatMul" | "BatchMatMulV2" | "BatchMatMulV3":
            transposed = node.attr["transpose_a"].b or node.attr["adj_x"].b
            return prod(_output(node)) * shape(node.input[0])[-2 if transposed else -1]
        case "Einsum":
            return _einsum_macs(node.attr["equation"].s.decode(), [shape(reference) for reference in node.input])
    return 0


def _output(node: Any) -> Shape:
    sizes = [d.size for d in node.attr["_output_shapes"].list.shape[0].dim]
    if any(size < 0 for size in sizes):
        raise ValueError(f"the output of {node.name} has no fixed shape")
    return sizes


def _einsum_macs(equation: str, shapes: list[Shape]) -> int:
    """Product of the sizes of all distinct labels; an ellipsis stands for the axes no label names."""
    sizes: dict[str, int] = {}
    for term, shape in zip(equation.split("->")[0].split(","), shapes, strict=True):
        before, dots, after = re.fullmatch(r"([a-zA-Z]*)(\.{3})?([a-zA-Z]*)", term.strip()).groups()  # type: ignore[union-attr]
        hidden = len(shape) - len(before) - len(after) if dots else 0
        labels = [*before, *(f"...{hidden - i}" for i in range(hidden)), *after]
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), size)
    return prod(sizes.values())
