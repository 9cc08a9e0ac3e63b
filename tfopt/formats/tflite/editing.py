"""A `.tflite` file is changed as the objects of its schema: tensors get other data, and operations are added."""

import copy
from collections.abc import Iterable, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tfopt.formats.tflite.graph import operation_kind, read_model
from tfopt.typing import Array, SchemaObject

IDENTIFIER = b"TFL3"
VERSIONS = {"DEQUANTIZE": 6, "QUANTIZE": 2}  # of operations that are added, so that they take all types there are
LONGEST_OLD_CODE = 127


class EditedFile:
    """The objects of a file; `model` is the `ModelT` of its schema."""

    def __init__(self, payload: bytes) -> None:
        self.model: SchemaObject = read_model(payload)
        self._size = len(payload)

    def payload(self) -> bytes:
        """Return the bytes of the file, without the data that no tensor has any more."""
        used = {tensor.buffer for graph in self.model.subgraphs for tensor in graph.tensors}
        used |= {one.buffer for one in self.model.metadata or ()}
        for index, buffer in enumerate(self.model.buffers):
            if index not in used:
                buffer.data = None
        builder = flatbuffers.Builder(self._size)
        builder.Finish(self.model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def kind(self, operator: SchemaObject) -> str:
        """Return what an operation is, such as "CONV_2D"."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return operation_kind(code.builtinCode, code.deprecatedBuiltinCode)

    def data(self, tensor: SchemaObject) -> NDArray[np.uint8] | None:
        """Return the bytes of a constant; None if the tensor is none."""
        data = self.model.buffers[tensor.buffer].data
        return None if data is None or len(data) == 0 else np.asarray(data, np.uint8)

    def store(self, tensor: SchemaObject, data: Array, kind: int) -> None:
        """Make a constant of a tensor, of a type of the schema, with a buffer of its own: several may share one."""
        self.model.buffers.append(schema.BufferT())
        self.model.buffers[-1].data = np.ascontiguousarray(data).ravel().view(np.uint8)
        tensor.buffer, tensor.type = len(self.model.buffers) - 1, kind

    def insert(self, graph: SchemaObject, place: int, steps: Iterable[tuple[str, int, int]]) -> None:
        """Put operations before that at a place, each with its kind and the tensors it takes and gives."""
        operators = []
        for kind, given, made in steps:
            operator = schema.OperatorT()
            operator.opcodeIndex = self.code(kind, VERSIONS[kind])
            operator.inputs, operator.outputs = np.array([given], np.int32), np.array([made], np.int32)
            operators.append(operator)
        graph.operators = [*graph.operators[:place], *operators, *graph.operators[place:]]

    def code(self, kind: str, version: int) -> int:
        """Return the number of the code of a kind of operations, of at least a version; add it if there is none."""
        for index, code in enumerate(self.model.operatorCodes):
            if operation_kind(code.builtinCode, code.deprecatedBuiltinCode) == kind:
                code.version = max(code.version, version)
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, LONGEST_OLD_CODE), version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1


def add_float_twin(graph: SchemaObject, index: int) -> int:
    """Add a float tensor of the shape of another one, which DEQUANTIZE makes of that; return its number."""
    found = copy.copy(graph.tensors[index])
    found.type, found.quantization, found.buffer = schema.TensorType.FLOAT32, None, 0
    found.name = f"{(found.name or b'').decode()}_unpacked"
    graph.tensors.append(found)
    return len(graph.tensors) - 1


def redirect(operators: Sequence[SchemaObject], before: int, after: int) -> None:
    """Let operations take another tensor."""
    for operator in operators:
        operator.inputs = np.array([after if at == before else at for at in operator.inputs], np.int32)


def symmetric(scales: Array, axis: int) -> SchemaObject:
    """Return the quantization parameters of a tensor without zero points."""
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.asarray(scales, np.float32).ravel()
    parameters.zeroPoint = np.zeros(parameters.scale.size, np.int64)
    parameters.quantizedDimension = axis
    return parameters
