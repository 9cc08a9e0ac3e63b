"""XNNPACK is LiteRT's fast path on CPUs: the operations that it took over."""

from collections import Counter

from ai_edge_litert.interpreter import Interpreter

from tfopt.typing import Json


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
