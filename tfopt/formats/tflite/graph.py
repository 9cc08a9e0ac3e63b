"""The graph of a `.tflite` file, read from its flatbuffer: operations, the constants they use, and their types."""

from math import prod
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tfopt.formats.tflite.packed_integers import unpack_integers
from tfopt.typing import Array, SchemaObject, Tensor

OPERATIONS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
TYPES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
DTYPES = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}
CONVERTING = ("QUANTIZE", "DEQUANTIZE", "CAST")
PASSING = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "CAST", "SQUEEZE")
ITEM_BYTES = 4  # of most tensors of a float file
PACKED_BITS = {"INT4": 4, "INT2": 2}


class Constant(NamedTuple):
    """A tensor stored in the file: weights, a bias or the like.

    Attributes:
        name: Its name; empty if the file has none.
        number: Those of its subgraph and its tensor, which no other constant has.
        type: Its type, such as "INT8".
        shape: Its shape.
        nonzero: The number of values that are not zero.
        scales: The number of its scales; 0 if it is not quantized.
        axis: The axis of the scales, if there are several.
        values: The stored values, flat.
    """

    name: str
    number: tuple[int, int]
    type: str
    shape: tuple[int, ...]
    nonzero: int
    scales: int
    axis: int
    values: Array

    def distinct(self) -> int:
        """Count the distinct values of the output channel that has most; of the whole if all have one scale."""
        channels = [self.values]
        if self.scales > 1:
            channels = list(np.moveaxis(self.values.reshape(self.shape), self.axis, 0).reshape(self.scales, -1))
        return max(len(np.unique(channel)) for channel in channels)


class Operation(NamedTuple):
    """One operation of the graph.

    Attributes:
        kind: Its kind, such as "CONV_2D".
        inputs: The names of the tensors it takes, without its constants; empty where the file has none.
        outputs: The names of the tensors it gives, in the same way.
        output_type: The type of the first of them.
        constants: The constants among its inputs.
        macs: Its multiply-accumulates; None if they are not known.
        in_loop: Whether it is in another subgraph than the main one.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    output_type: str
    constants: tuple[Constant, ...]
    macs: int | None
    in_loop: bool


def operations(payload: bytes) -> list[Operation]:
    """Read all operations in order of execution; those of loops, in other subgraphs, come last.

    Args:
        payload: The bytes of the file.
    """
    model = read_model(payload)
    return [
        _operation(model, index, operator)
        for index, graph in enumerate(model.subgraphs)
        for operator in graph.operators
    ]


def read_model(payload: bytes) -> SchemaObject:
    """Read a file as objects of the schema, those of its constants included that lie behind the flatbuffer.

    Args:
        payload: The bytes of the file.
    """
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:  # LiteRT Quantizer appends the constants of large models to the flatbuffer
            buffer.data = np.frombuffer(payload, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def has_sparse_tensors(payload: bytes) -> bool:
    """Tell whether any tensor of a file is stored without its zeros."""
    return any(tensor.sparsity is not None for graph in read_model(payload).subgraphs for tensor in graph.tensors)


def operation_kind(builtin: int, deprecated: int) -> str:
    """Return the kind of operations, such as "CONV_2D", whose code a file gives as these two numbers."""
    return str(OPERATIONS.get(max(builtin, deprecated), "CUSTOM"))


def _operation(model: SchemaObject, index: int, operator: SchemaObject) -> Operation:
    graph = model.subgraphs[index]
    code = model.operatorCodes[operator.opcodeIndex]
    kind = operation_kind(code.builtinCode, code.deprecatedBuiltinCode)
    places = [int(place) for place in operator.inputs if place >= 0]
    inputs = [graph.tensors[place] for place in places]
    outputs = [graph.tensors[place] for place in operator.outputs]
    constants = {place: c for place in places if (c := _constant(model, graph.tensors[place], (index, place)))}
    taken = tuple(_name(graph.tensors[place]) for place in places if place not in constants)
    given = tuple(_name(tensor) for tensor in outputs)
    macs = _macs(kind, inputs, outputs, transposed=bool(getattr(operator.builtinOptions, "adjX", False)))
    output_type = TYPES[outputs[0].type] if outputs else ""
    return Operation(kind, taken, given, output_type, tuple(constants.values()), macs, index > 0)


def _name(tensor: Tensor) -> str:
    return str((tensor.name or b"").decode())  # a file may leave names out


def parameter_counts(payload: bytes) -> tuple[int, int]:
    """Count the parameters, and those not zero; shapes and axes, which are integers without scale, do not count."""
    unique = {
        constant.number: constant
        for operation in operations(payload)
        for constant in operation.constants
        if constant.type in ("FLOAT32", "FLOAT16") or constant.scales
    }
    return sum(prod(c.shape) for c in unique.values()), sum(c.nonzero for c in unique.values())


def float_operations(payload: bytes) -> tuple[list[Operation], int]:
    """Return the operations that compute in floats, and how many there are of all; conversions of type do not count."""
    computing = [operation for operation in operations(payload) if operation.kind not in CONVERTING]
    return [operation for operation in computing if operation.output_type in ("FLOAT32", "FLOAT16")], len(computing)


def ends_in_probabilities(payload: bytes) -> bool:
    """Tell whether the last operation, but for those that only change the type or shape, gives probabilities."""
    kinds = (operation.kind for operation in reversed(operations(payload)) if not operation.in_loop)
    return next((kind for kind in kinds if kind not in PASSING), "") in ("LOGISTIC", "SOFTMAX")


def tflite_macs(payload: bytes) -> int | None:
    """Count the multiply-accumulates of one inference; None if the file holds a loop or another subgraph."""
    counts = [operation.macs for operation in operations(payload)]
    return None if any(count is None for count in counts) else sum(count for count in counts if count)


def bytes_of_a_run(payload: bytes) -> int:
    """Count the bytes of all tensors that one sample makes in the main graph; axes of free size count as 1."""
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    sizes = (
        prod(max(1, int(size)) for size in tensor.shape) * ITEM_BYTES
        for tensor in model.subgraphs[0].tensors
        if tensor.shape is not None and not _has_data(model, tensor)
    )
    return sum(sizes)


def _has_data(model: SchemaObject, tensor: Tensor) -> bool:
    data = model.buffers[tensor.buffer].data
    return model.buffers[tensor.buffer].offset > 1 or (data is not None and len(data) > 0)


def _constant(model: SchemaObject, tensor: Tensor, number: tuple[int, int]) -> Constant | None:
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    kind = TYPES[tensor.type]
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    shape = tuple(int(size) for size in tensor.shape) if tensor.shape is not None else ()
    axis = tensor.quantization.quantizedDimension if tensor.quantization is not None else 0
    values = _values(np.asarray(data, np.uint8), kind, prod(shape))
    if tensor.sparsity is not None:  # only what is not zero is stored
        values = np.concatenate([values, np.zeros(prod(shape) - len(values), values.dtype)])
    nonzero = int(np.count_nonzero(values))
    return Constant(_name(tensor), number, kind, shape, nonzero, 0 if scales is None else len(scales), axis, values)


def _values(data: NDArray[np.uint8], kind: str, size: int) -> Array:
    """Return the stored integers or floats; weights are symmetric in LiteRT, so that 0 stands for zero."""
    if kind in PACKED_BITS:
        return unpack_integers(data, PACKED_BITS[kind], size)
    return data.view(DTYPES[kind]) if kind in DTYPES else data


def _macs(kind: str, inputs: list[Tensor], outputs: list[Tensor], *, transposed: bool = False) -> int | None:
    """Count the MACs of an operation; None if they depend on more than shapes.

    Args:
        kind: The operation.
        inputs: What it takes.
        outputs: What it gives.
        transposed: Whether the first input of a matrix product is transposed.
    """
    match kind:
        case "CONV_2D" | "CONV_3D":
            weights = inputs[1].shape  # (out, height, width, in), or (depth, height, width, in, out)
            per_output = prod(weights[1:]) if kind == "CONV_2D" else prod(weights[:-1])
            return int(prod(outputs[0].shape) * per_output)
        case "DEPTHWISE_CONV_2D":
            return int(prod(outputs[0].shape) * prod(inputs[1].shape[1:3]))
        case "FULLY_CONNECTED":
            return int(prod(outputs[0].shape) * inputs[1].shape[-1])
        case "BATCH_MATMUL":
            return int(prod(outputs[0].shape) * inputs[0].shape[-2 if transposed else -1])
        case "TRANSPOSE_CONV":
            return int(prod(inputs[2].shape) * prod(inputs[1].shape[:3]))
        case "WHILE" | "IF" | "CALL" | "CUSTOM" | "UNIDIRECTIONAL_SEQUENCE_LSTM" | "UNIDIRECTIONAL_SEQUENCE_RNN":
            return None
    return 0
