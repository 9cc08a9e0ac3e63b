"""The operations and weights of an ONNX file, by kind and by type."""

from collections import Counter

from tfopt.formats.artifact import Artifact
from tfopt.report.inspection import OperationFacts, TensorFacts
from tfopt.typing import Options


def onnx_facts(artifact: Artifact) -> Options:
    """Return what an `Inspection` says of an ONNX file."""
    from onnx import numpy_helper

    from tfopt.formats.onnx.model_proto import read_proto

    graph = read_proto(artifact.payload, artifact.name).graph
    count, nonzero = artifact.parameter_counts()
    kinds = Counter(node.op_type for node in graph.node)
    arrays = [numpy_helper.to_array(one) for one in graph.initializer]
    types = sorted({array.dtype.name for array in arrays})
    alike = {kind: [array for array in arrays if array.dtype.name == kind] for kind in types}
    return {
        "parameters": count,
        "nonzero_parameters": nonzero,
        "macs": None,
        "operations": [
            OperationFacts(kind=kind, output_type="", count=number, macs=None) for kind, number in sorted(kinds.items())
        ],
        "tensors": [
            TensorFacts(
                type=kind,
                count=len(found),
                values=sum(array.size for array in found),
                nonzero=sum(int((array != 0).sum()) for array in found),
                bytes=sum(array.nbytes for array in found),
            )
            for kind, found in alike.items()
        ],
    }
