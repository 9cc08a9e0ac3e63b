"""What is inside of the loops of a `.tflite` file, as recurrent layers without a kernel of their own have them."""

from ai_edge_litert import schema_py_generated as schema

from tfopt.techniques.quantization.recipes import Loops


def loops(payload: bytes) -> Loops:
    """Names of the operations of all subgraphs but the main one, and of their inputs and outputs."""
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    operations, ends = [], []
    for graph in model.subgraphs[1:]:
        operations += [graph.tensors[operator.outputs[0]].name.decode() for operator in graph.operators]
        ends += [graph.tensors[index].name.decode() for index in (*graph.inputs, *graph.outputs)]
    return Loops(operations, ends)
