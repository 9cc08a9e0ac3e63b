"""Multiply-accumulates of a Keras model, counted on its TensorFlow graph, so that any layer is covered.

Counted are the operations that multiply matrices or convolve; additions, activations and normalizations are not, as is
usual in the field. The graph is traced for one sample.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from tfopt.errors import UnsupportedError
from tfopt.graph.layer_names import call_in_scopes, named_layers, parse_scopes
from tfopt.graph.model_io import call, explain_failures, inputs_of
from tfopt.graph.replay import is_graph
from tfopt.typing import Tensor

Shape = list[int]
NodeDef: TypeAlias = Any  # the protocol buffers of a graph: an operation of it,
FunctionDef: TypeAlias = Any  # and a function that its operations call


def keras_macs(model: keras.Model) -> int | None:
    """Count the MACs of one sample; None if a size or the length of a loop is not fixed, or the input is not known."""
    counts = _counts(model, call)
    return None if counts is None else sum(counts.values())


def layer_macs(model: keras.Model) -> dict[str, int] | None:
    """The MACs of one sample in each layer, by its name as in `named_layers`; those of no layer are not there.

    None where `keras_macs` is, and for a model whose graph is not known.
    """
    counts = _counts(model, call_in_scopes) if is_graph(model) else None
    if counts is None:
        return None
    names = [name for name, _ in named_layers(model)]
    return {names[number]: count for number, count in counts.items() if number is not None}


def _counts(model: keras.Model, run: Callable[[keras.Model, Tensor], Tensor]) -> Counter[int | None] | None:
    """MACs by the number of the layer that `run` traced them under, None for those of no layer."""
    try:
        specs = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype) for tensor in inputs_of(model)]
    except UnsupportedError:
        return None
    with explain_failures(model.name):
        traced = tf.function(lambda inputs: run(model, inputs), autograph=False).get_concrete_function(specs)
    definition = traced.graph.as_graph_def(add_shapes=True)
    functions = {function.signature.name: function for function in definition.library.function}
    counts: Counter[int | None] = Counter()
    try:
        for node, macs in _each(definition.node, [output.name for output in traced.outputs], functions):
            counts[next(iter(parse_scopes(node.name)), None)] += macs
    except ValueError:
        return None
    return counts


def _each(
    nodes: Iterable[NodeDef], outputs: Iterable[str], functions: dict[str, FunctionDef]
) -> Iterator[tuple[NodeDef, int]]:
    """Yield the nodes that the outputs depend on, each with its MACs; tracing leaves others behind, which never run."""
    by_name = {node.name: node for node in nodes}
    for node in _ancestors(by_name, outputs):
        match node.op:
            case "PartitionedCall" | "StatefulPartitionedCall":
                yield node, _count_function(functions[node.attr["f"].func.name], functions)
            case "While" | "StatelessWhile":
                body = _count_function(functions[node.attr["body"].func.name], functions)
                yield node, body * _trips(functions[node.attr["cond"].func.name]) if body else 0
            case _:
                yield node, _node_macs(node, by_name)


def _count_function(function: FunctionDef, functions: dict[str, FunctionDef]) -> int:
    return sum(macs for _, macs in _each(function.node_def, function.ret.values(), functions))


def _ancestors(by_name: dict[str, NodeDef], outputs: Iterable[str]) -> list[NodeDef]:
    found: dict[str, NodeDef] = {}
    waiting = [_node_name(reference) for reference in outputs]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in found:
            found[name] = by_name[name]
            waiting.extend(_node_name(reference) for reference in by_name[name].input if not reference.startswith("^"))
    return list(found.values())


def _trips(condition: FunctionDef) -> int:
    """Iterations of a loop that ends at a constant, as those of Keras' recurrent layers with a fixed length do."""
    constants = {node.name: node for node in condition.node_def if node.op == "Const"}
    limits = [
        int(tf.make_ndarray(constants[_node_name(node.input[1])].attr["value"].tensor))
        for node in condition.node_def
        if node.op == "Less" and _node_name(node.input[1]) in constants
    ]
    if not limits:
        raise ValueError("a loop of unknown length")
    return min(limits)


def _node_macs(node: NodeDef, by_name: dict[str, NodeDef]) -> int:
    def shape_of(position: int) -> Shape:
        """Shape of an input of this node."""
        reference = node.input[position]
        index = reference.rsplit(":", 1)[-1] if ":" in reference else "0"
        source = by_name.get(_node_name(reference))
        return _sizes(source, int(index)) if source is not None else _unknown(reference)

    match node.op:
        case "Conv2D" | "Conv3D":
            return prod(_sizes(node)) * prod(shape_of(1)[:-1])
        case "DepthwiseConv2dNative":
            return prod(_sizes(node)) * prod(shape_of(1)[:2])
        case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":
            return prod(shape_of(2)) * prod(shape_of(1)[:-1])
        case "MatMul" | "BatchMatMulV2" | "BatchMatMulV3":
            transposed = node.attr["transpose_b"].b or node.attr["adj_y"].b
            return prod(_sizes(node)) * shape_of(1)[-1 if transposed else -2]
        case "Einsum":
            return _einsum_macs(node.attr["equation"].s.decode(), [shape_of(i) for i in range(len(node.input))])
    return 0


def _node_name(reference: str) -> str:
    return reference.lstrip("^").split(":")[0]


def _sizes(node: NodeDef, output: int = 0) -> Shape:
    shapes = node.attr["_output_shapes"].list.shape
    sizes = [dimension.size for dimension in shapes[output].dim] if len(shapes) > output else [-1]
    return sizes if all(size >= 0 for size in sizes) else _unknown(node.name)


def _unknown(name: str) -> Shape:
    raise ValueError(f"the shape of {name} is not fixed")


def _einsum_macs(equation: str, shapes: list[Shape]) -> int:
    """Product of the sizes of all distinct labels; an ellipsis stands for the axes no label names."""
    sizes: dict[str, int] = {}
    for term, shape in zip(equation.split("->")[0].split(","), shapes, strict=True):
        found = re.fullmatch(r"([a-zA-Z]*)(\.{3})?([a-zA-Z]*)", term.strip())
        assert found is not None
        before, dots, after = found.groups()
        hidden = len(shape) - len(before) - len(after) if dots else 0
        labels = [*before, *(f"...{hidden - i}" for i in range(hidden)), *after]
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), size)
    return prod(sizes.values())
