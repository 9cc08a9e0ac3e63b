"""Weights that LiteRT Quantizer leaves in floats become 8-bit integers or half floats: of LSTM kernels and embeddings.

LiteRT's own LSTM computes with 8-bit weights, one scale for each, and quantizes its inputs as they come (a "hybrid"
kernel). GATHER takes rows of integers, which DEQUANTIZE makes floats of. Half floats are unpacked by DEQUANTIZE, once,
and so are 8-bit weights where activations are to stay floats.
"""

from collections.abc import Container
from typing import Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfopt.formats.tflite.editing import EditedFile, add_float_twin, redirect, symmetric
from tfopt.typing import Array, SchemaObject

Kind = Literal["hybrid", "unpacked", "float16"]
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
LSTM_WEIGHTS = (*range(1, 9), 16)  # which inputs they are: of four gates for input and state, and the projection
HYBRID_VERSION = 3  # of an LSTM with 8-bit weights
TABLES = {"GATHER": 0, "EMBEDDING_LOOKUP": 1}  # which input the table is
MOST = 127
LARGEST = np.finfo(np.float16).max
LEAST_VALUES = 64  # that a constant has, for its scale and DEQUANTIZE not to take more than is saved


def shrink_remaining(payload: bytes, kind: Kind, spared: Container[str] = ()) -> bytes:
    """Store the weights of LSTM kernels and of embeddings that are floats with fewer bytes.

    Args:
        payload: The bytes of a file.
        kind: `hybrid` for 8 bits that LiteRT computes with, `unpacked` for 8 bits that become floats, or `float16`.
        spared: The names of operations, which are those of their first outputs, that stay as they are.

    Returns:
        The bytes of a file that answers nearly the same; those given if there are no such weights.
    """
    file = EditedFile(payload)
    before = len(file.model.buffers)
    for graph in file.model.subgraphs:
        for operator in list(graph.operators):
            name = file.kind(operator)
            if (graph.tensors[operator.outputs[0]].name or b"").decode() in spared:
                continue
            if name == LSTM:
                _shrink_lstm(file, graph, operator, kind)
            elif name in TABLES:
                _shrink_table(file, graph, operator, TABLES[name], kind)
    return file.payload() if len(file.model.buffers) > before else payload


def _shrink_lstm(file: EditedFile, graph: SchemaObject, operator: SchemaObject, kind: Kind) -> None:
    """The hybrid kernel wants all its weights as integers, or none."""
    places = [int(operator.inputs[place]) for place in LSTM_WEIGHTS if place < len(operator.inputs)]
    weights = [index for index in places if index >= 0]
    values = {index: _floats(file, graph, index, least=1) for index in weights}
    if any(value is None for value in values.values()):
        return
    for index, value in values.items():
        if value is None or (kind != "hybrid" and value.size < LEAST_VALUES):
            continue
        if kind == "hybrid":
            _store_integers(file, graph.tensors[index], value, axis=None)
        else:
            _unpack(file, graph, index, value, kind, axis=0)
    if kind == "hybrid":
        operator.builtinOptions.asymmetricQuantizeInputs = False
        code = file.model.operatorCodes[operator.opcodeIndex]
        code.version = max(code.version, HYBRID_VERSION)


def _shrink_table(file: EditedFile, graph: SchemaObject, operator: SchemaObject, place: int, kind: Kind) -> None:
    index = int(operator.inputs[place])
    value = _floats(file, graph, index, least=LEAST_VALUES)
    if value is None:
        return
    if kind == "float16":
        _unpack(file, graph, index, value, kind, axis=0)
        return
    takers = [other for other in graph.operators if index in other.inputs]
    if any(file.kind(other) not in TABLES for other in takers):
        return
    _store_integers(file, graph.tensors[index], value, axis=None)
    for taker in takers:
        rows = int(taker.outputs[0])
        unpacked = add_float_twin(graph, rows)
        redirect([other for other in graph.operators if other is not taker], rows, unpacked)
        graph.outputs = np.array([unpacked if at == rows else at for at in graph.outputs], np.int32)
        graph.tensors[rows].type = schema.TensorType.INT8
        graph.tensors[rows].quantization = graph.tensors[index].quantization
        file.insert(graph, graph.operators.index(taker) + 1, [("DEQUANTIZE", rows, unpacked)])


def _unpack(file: EditedFile, graph: SchemaObject, index: int, value: Array, kind: Kind, axis: int) -> None:
    """Store a constant with fewer bytes, and let all operations take what DEQUANTIZE makes of it."""
    unpacked = add_float_twin(graph, index)
    redirect(graph.operators, index, unpacked)
    if kind == "float16":
        file.store(graph.tensors[index], value.astype(np.float16), schema.TensorType.FLOAT16)
    else:
        _store_integers(file, graph.tensors[index], value, axis)
    file.insert(graph, 0, [("DEQUANTIZE", index, unpacked)])


def _store_integers(file: EditedFile, tensor: SchemaObject, value: Array, axis: int | None) -> None:
    """Store a constant as 8-bit integers, with a scale for all or for each entry of an axis."""
    others = tuple(other for other in range(value.ndim) if other != axis)
    largest = np.abs(value).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest, 1) / MOST
    tensor.quantization = symmetric(scales, axis or 0)
    file.store(tensor, np.round(value / scales).astype(np.int8), schema.TensorType.INT8)


def _floats(file: EditedFile, graph: SchemaObject, index: int, least: int) -> Array | None:
    """Return a constant of so many floats, all of them finite and representable; None if it is none."""
    tensor = graph.tensors[index]
    data = file.data(tensor)
    if data is None or tensor.type != schema.TensorType.FLOAT32 or tensor.sparsity is not None:
        return None
    value = data.view(np.float32).reshape(tensor.shape)
    return value if value.size >= least and value.ndim > 1 and np.abs(value).max() <= LARGEST else None
