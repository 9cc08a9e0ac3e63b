"""Each operation of a file as a file of its own: what a runtime says of one does not hide what it says of others."""

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfopt.formats.tflite.editing import EditedFile
from tfopt.formats.tflite.graph import read_model
from tfopt.typing import SchemaObject


def single_operations(payload: bytes) -> Iterator[bytes]:
    """Yield a file for each operation of the main graph, in order; its inputs are what the operation reads.

    Other graphs are in the files of the loops and conditions that call them, and in no others.

    Args:
        payload: The bytes of the file.
    """
    for number in range(len(read_model(payload).subgraphs[0].operators)):
        file = EditedFile(payload)
        graph = file.model.subgraphs[0]
        operator = graph.operators[number]
        graph.operators = [operator]
        graph.inputs = _indices(index for index in operator.inputs if _is_given(file, graph, int(index)))
        graph.outputs = _indices(operator.outputs)
        _keep(graph, {int(index) for index in (*operator.inputs, *operator.outputs, *_intermediates(operator))})
        if not _calls_graphs(operator):
            file.model.subgraphs = [graph]
        file.model.signatureDefs, file.model.metadata = [], []
        yield file.payload()


def _is_given(file: EditedFile, graph: SchemaObject, index: int) -> bool:
    return index >= 0 and not graph.tensors[index].isVariable and file.data(graph.tensors[index]) is None


def _calls_graphs(operator: SchemaObject) -> bool:
    options = operator.builtinOptions
    return options is not None and any(name.endswith("SubgraphIndex") for name in vars(options))


def _intermediates(operator: SchemaObject) -> list[int]:
    return [] if operator.intermediates is None else list(map(int, operator.intermediates))


def _keep(graph: SchemaObject, used: set[int]) -> None:
    """Make of the tensors that are not used empty ones, so that their places stay and their constants go."""
    for index, tensor in enumerate(graph.tensors):
        if index not in used:
            empty = schema.TensorT()
            empty.type, empty.shape, empty.buffer = tensor.type, np.array([1], np.int32), 0
            graph.tensors[index] = empty


def _indices(found: object) -> object:
    return np.array(list(dict.fromkeys(map(int, found))), np.int32)  # type: ignore[call-overload]
