"""Integers of 8 bits stored as 4 or 2 bits where they are small enough: the numbers stay what they are.

With 8-bit activations LiteRT computes with 4-bit weights of convolutions and dense layers, and with 2-bit weights of
dense layers. For any other operation the narrow integers are unpacked in the graph: DEQUANTIZE makes floats of them,
once, and QUANTIZE the 8-bit integers that the operation takes. Of weights that an operation takes as floats, which are
integers times steps, DEQUANTIZE alone makes the floats again.
"""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfopt.formats.tflite.editing import EditedFile, add_float_twin, redirect, symmetric
from tfopt.formats.tflite.packed_integers import pack_integers
from tfopt.typing import Array, SchemaObject

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
    file = EditedFile(payload)
    for graph in file.model.subgraphs:
        for index, tensor in enumerate(list(graph.tensors)):
            grid = grids.get((tensor.name or b"").decode())
            if grid is None or file.data(tensor) is None:
                continue
            if tensor.type == schema.TensorType.INT8 and grid.bits < 8:
                _narrow(file, graph, index, stored_bits(grid.bits))
            elif tensor.type == schema.TensorType.FLOAT32:
                _store_integers(file, graph, index, grid)
    return file.payload()


def _narrow(file: EditedFile, graph: SchemaObject, index: int, width: int) -> None:
    """Store 8-bit integers with fewer bits, and unpack them for the operations that cannot compute with those."""
    tensor = graph.tensors[index]
    wide, integers = copy.copy(tensor), file.data(tensor)
    assert integers is not None
    file.store(tensor, pack_integers(integers.view(np.int8), width), TYPES[width])
    unable = [taker for taker in _takers(graph, index) if file.kind(taker) not in COMPUTES[width]]
    if unable:
        wide.buffer, wide.name = 0, f"{tensor.name.decode()}_wide"
        unpacked = add_float_twin(graph, index)
        graph.tensors.append(wide)
        redirect(unable, index, unpacked + 1)
        file.insert(graph, 0, [("DEQUANTIZE", index, unpacked), ("QUANTIZE", unpacked, unpacked + 1)])


def _store_integers(file: EditedFile, graph: SchemaObject, index: int, grid: Grid) -> None:
    """Store floats as the integers that they are multiples of, and unpack them for the operations that take them."""
    tensor = graph.tensors[index]
    data = file.data(tensor)
    assert data is not None
    values = data.view(np.float32).reshape(tensor.shape)
    unpacked = add_float_twin(graph, index)
    redirect(graph.operators, index, unpacked)
    tensor.quantization = symmetric(grid.steps, int(np.argmax(grid.steps.shape)))
    width = stored_bits(grid.bits)
    file.store(tensor, pack_integers(np.round(values / grid.steps).astype(np.int8), width), TYPES[width])
    file.insert(graph, 0, [("DEQUANTIZE", index, unpacked)])


def _takers(graph: SchemaObject, index: int) -> list[SchemaObject]:
    return [operator for operator in graph.operators if index in operator.inputs]
