"""The memory of one inference: each tensor lives from the operation that makes it to the last that reads it.

What lives at once must lie in memory at once, so that the most bytes alive are the least that any planner can do with.
Weights are read where they are stored and do not count.
"""

from math import prod
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfopt.formats.tflite.graph import TYPES
from tfopt.typing import Array

BITS = {
    "FLOAT64": 64,
    "FLOAT32": 32,
    "FLOAT16": 16,
    "INT16": 16,
    "INT8": 8,
    "UINT8": 8,
    "BOOL": 8,
    "INT32": 32,
    "UINT32": 32,
    "INT64": 64,
    "INT4": 4,
    "INT2": 2,
}


class Lifetime(NamedTuple):
    """A tensor of the main graph that is no constant.

    Attributes:
        name: Its name; empty if the file has none.
        type: Its type, such as "INT8".
        shape: Its shape, a free size counted as 1.
        bytes: What it takes.
        birth: The operation that makes it, counted from 0; 0 for inputs.
        death: The last that reads it; for outputs the number of operations.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int
    birth: int
    death: int


def lifetimes(payload: bytes) -> list[Lifetime]:
    """Return the life of each tensor of the main graph, in the order in which they begin.

    Args:
        payload: The bytes of the file.
    """
    graph = schema.ModelT.InitFromPackedBuf(payload, 0).subgraphs[0]
    last = len(graph.operators)
    births = {int(index): 0 for index in graph.inputs}
    deaths = {int(index): last for index in graph.outputs}
    for step, operator in enumerate(graph.operators):
        for index in map(int, operator.outputs):
            births.setdefault(index, step)
        for index in map(int, operator.inputs):
            if index in births:
                deaths[index] = max(deaths.get(index, 0), step)
    found = []
    for index, birth in births.items():
        tensor = graph.tensors[index]
        shape = tuple(max(1, int(size)) for size in (tensor.shape if tensor.shape is not None else ()))
        kind = TYPES[tensor.type]
        size = (prod(shape) * BITS.get(kind, 32) + 7) // 8
        found.append(Lifetime((tensor.name or b"").decode(), kind, shape, size, birth, deaths.get(index, birth)))
    return found


def bytes_alive(found: list[Lifetime]) -> Array:
    """Return the bytes that are alive in each operation, and after the last (operations + 1,)."""
    steps = max((life.death for life in found), default=0) + 1
    alive = np.zeros(steps, np.int64)
    for life in found:
        alive[life.birth : life.death + 1] += life.bytes
    return alive
