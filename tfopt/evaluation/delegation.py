"""XNNPACK is LiteRT's fast path on CPUs: the operations it took over, and the memory that tensors of a file need."""

from collections import Counter
from math import prod

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfopt.formats.tflite.graph import TYPES
from tfopt.typing import Json

BITS = {
    "FLOAT32": 32,
    "FLOAT16": 16,
    "INT8": 8,
    "UINT8": 8,
    "INT16": 16,
    "INT32": 32,
    "INT64": 64,
    "BOOL": 8,
    "INT4": 4,
    "INT2": 2,
}


def not_delegated(payload: bytes) -> dict[str, int]:
    """Operations that LiteRT's own kernels run, by kind, with how often each occurs.

    A partition of the delegate is known by the tensors that go in and come out; what lies between was taken over.
    """
    interpreter = Interpreter(model_content=payload, num_threads=1)
    interpreter.allocate_tensors()
    nodes: list[Json] = interpreter._get_ops_details()  # there is no public list of operations
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    producers = {int(out): node for node in nodes if node["op_name"] != "DELEGATE" for out in node["outputs"]}
    taken: set[int] = set()
    for partition in partitions:
        given = set(map(int, partition["inputs"]))
        waiting = [int(out) for out in partition["outputs"]]
        while waiting:
            node = producers.get(waiting.pop())
            if node is not None and node["index"] not in taken:
                taken.add(node["index"])
                waiting += [int(tensor) for tensor in node["inputs"] if int(tensor) not in given]
    left = (node["op_name"] for node in nodes if node["op_name"] != "DELEGATE" and node["index"] not in taken)
    return dict(Counter(left).most_common())


def arena_bytes(payload: bytes) -> int:
    """Most bytes of tensors that are alive at once in one inference: a lower bound of the arena of LiteRT.

    A tensor lives from the operation that makes it to the last that reads it; free sizes count as 1.
    """
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    graph = model.subgraphs[0]
    last = len(graph.operators)
    births = {int(index): 0 for index in graph.inputs}
    deaths = {int(index): last for index in graph.outputs}
    for step, operator in enumerate(graph.operators):
        for index in map(int, operator.outputs):
            births.setdefault(index, step)
        for index in map(int, operator.inputs):
            if index in births:
                deaths[index] = max(deaths.get(index, 0), step)
    alive = np.zeros(last + 1, np.int64)
    for index, birth in births.items():
        tensor = graph.tensors[index]
        bits = BITS.get(TYPES[tensor.type], 32)
        size = prod(max(1, int(size)) for size in (tensor.shape if tensor.shape is not None else ()))
        alive[birth : deaths.get(index, birth) + 1] += (size * bits + 7) // 8
    return int(alive.max())
