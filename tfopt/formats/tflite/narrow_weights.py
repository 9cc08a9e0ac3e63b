"""Integers of 8 bits stored as 4 or 2 bits where they are small enough: the numbers stay what they are.

With 8-bit activations LiteRT computes with 4-bit weights of convolutions and dense layers, and with 2-bit weights of
dense layers. For any other operation the narrow integers are unpacked in the graph: DEQUANTIZE makes floats of them,
once, and QUANTIZE the 8-bit integers that the operation takes. Of weights that an operation takes as floats, which are
integers times steps, DEQUANTIZE alone makes the floats again.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tfopt.formats.tflite.graph import OPERATIONS
from tfopt.formats.tflite.packed_integers import pack_integers
from tfopt.formats.tflite.sharing import written
from tfopt.typing import Array

TYPES = {2: schema.TensorType.INT2, 4: schema.TensorType.INT4, 8: schema.TensorType.INT8}
COMPUTES = {4: {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}, 2: {"FULLY_CONNECTED"}}


def stored_bits(bits: int) -> int:
    """Return how many bits a weight of so many takes in a file, which has none of 3.

    >>> [stored_bits(bits) for bits in (8, 4, 3, 2)]
    [8, 4, 4, 2]
    """
    return 4 if bits == 3 else bits


class Grid(NamedTuple):
    """Integers of so many bits, times steps that have as many axes as the tensor."""

    bits: int
    steps: Array


def narrow_weights(payload: bytes, grids: Mapping[str, Grid]) -> bytes:
    """Store weights with as few bits as they need.

    Args:
        payload: The bytes of a file.
        grids: What the weights of constants are, by the names of their tensors; those of other names stay.

    Returns:
        The bytes of a file that answers the same.
    """
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(payload, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    for graph in model.subgraphs:
        for index, tensor in enumerate(list(graph.tensors)):
            grid = grids.get((tensor.name or b"").decode())
            if grid is None or not _has_data(model, tensor):
                continue
            if tensor.type == schema.TensorType.INT8 and grid.bits < 8:
                _narrow(model, graph, index, stored_bits(grid.bits))
            elif tensor.type == schema.TensorType.FLOAT32:
                _store_integers(model, graph, index, grid)
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {one.buffer for one in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None
    return written(model, len(payload))


def _narrow(model: Any, graph: Any, index: int, width: int) -> None:
    """Store 8-bit integers with fewer bits, and unpack them for the operations that cannot compute with those."""
    tensor = graph.tensors[index]
    wide = copy.copy(tensor)
    integers = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
    _put(model, tensor, integers, width)
    takers = [operator for operator in graph.operators if index in operator.inputs]
    unable = [taker for taker in takers if _kind(model, taker) not in COMPUTES[width]]
    if unable:
        wide.buffer, wide.name = 0, f"{tensor.name.decode()}_wide"
        graph.tensors += [_as_float(tensor), wide]
        count = len(graph.tensors)
        _redirect(unable, index, count - 1)
        _prepend(model, graph, [("DEQUANTIZE", index, count - 2), ("QUANTIZE", count - 2, count - 1)])


def _store_integers(model: Any, graph: Any, index: int, grid: Grid) -> None:
    """Store floats as the integers that they are multiples of, and unpack them for the operations that take them."""
    tensor = graph.tensors[index]
    values = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.float32).reshape(tensor.shape)
    graph.tensors.append(_as_float(tensor))
    _redirect(graph.operators, index, len(graph.tensors) - 1)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.asarray(grid.steps, np.float32).ravel()
    tensor.quantization.zeroPoint = np.zeros(grid.steps.size, np.int64)
    tensor.quantization.quantizedDimension = int(np.argmax(grid.steps.shape))
    _put(model, tensor, np.round(values / grid.steps).astype(np.int8), stored_bits(grid.bits))
    _prepend(model, graph, [("DEQUANTIZE", index, len(graph.tensors) - 1)])


def _put(model: Any, tensor: Any, integers: NDArray[np.int8], width: int) -> None:
    """Give a tensor a buffer of its own: several may share one."""
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = pack_integers(integers, width)
    tensor.buffer, tensor.type = len(model.buffers) - 1, TYPES[width]


def _has_data(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _as_float(tensor: Any) -> Any:
    """Return the tensor that DEQUANTIZE makes of one."""
    found = copy.copy(tensor)
    found.type, found.quantization, found.buffer = schema.TensorType.FLOAT32, None, 0
    found.name = f"{tensor.name.decode()}_unpacked"
    return found


def _redirect(operators: Sequence[Any], before: int, after: int) -> None:
    for operator in operators:
        operator.inputs = np.array([after if at == before else at for at in operator.inputs], np.int32)


VERSIONS = {"DEQUANTIZE": 6, "QUANTIZE": 2}


def _prepend(model: Any, graph: Any, steps: Sequence[tuple[str, int, int]]) -> None:
    """Put operations, each with its kind and the indices of the tensors it takes and gives, before all others."""
    operators = []
    for kind, given, made in steps:
        operator = schema.OperatorT()
        operator.opcodeIndex = _code(model, kind)
        operator.inputs, operator.outputs = np.array([given], np.int32), np.array([made], np.int32)
        operators.append(operator)
    graph.operators = [*operators, *graph.operators]


def _code(model: Any, kind: str) -> int:
    """Return the index of the code of a kind of operations, which is added if there is none."""
    for index, code in enumerate(model.operatorCodes):
        if OPERATIONS.get(max(code.builtinCode, code.deprecatedBuiltinCode)) == kind:
            code.version = max(code.version, VERSIONS[kind])
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), VERSIONS[kind]
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _kind(model: Any, operator: Any) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    return str(OPERATIONS.get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM"))
