"""Weights of a `.tflite` file, read and replaced in place: as many integers and scales as before, so nothing moves.

Weights are symmetric, with a scale for each output channel (Jacob et al. 2018, arXiv:1712.05877). Where activations are
integers, a bias is stored in steps of the scale of the input times that of the weights, and follows them.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tfopt.formats.tflite.graph import TYPES, operation_kind
from tfopt.formats.tflite.packed_integers import pack_integers, unpack_integers
from tfopt.typing import Array, Tensor

BITS = {"INT8": 8, "INT4": 4, "INT2": 2}
BIASES: dict[str, type[np.signedinteger[Any]]] = {"INT32": np.int32, "INT64": np.int64}
OPERANDS = {  # which operands of an operation are its input, its weights and its bias
    "FULLY_CONNECTED": (0, 1, 2),
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}


class Stored(NamedTuple):
    """Integers of any shape, the scale of each channel, and which axis of the shape the channels are."""

    chosen: NDArray[np.int8]
    scale: Array
    axis: int
    bits: int

    def matrix(self, values: Array) -> Array:
        """Return values of its shape as a matrix (K, C), channels last."""
        return np.moveaxis(values, self.axis, -1).reshape(-1, values.shape[self.axis])

    def of_matrix(self, matrix: Array) -> Array:
        """Undo `matrix`."""
        sizes = [size for axis, size in enumerate(self.chosen.shape) if axis != self.axis]
        return np.moveaxis(matrix.reshape(*sizes, -1), -1, self.axis)

    @property
    def values(self) -> Array:
        """The numbers that they stand for."""
        sizes = [-1 if axis == self.axis else 1 for axis in range(self.chosen.ndim)]
        return np.asarray(self.chosen * self.scale.reshape(sizes))


class StoredWeights:
    """The weights of 8, 4 and 2 bits in a file, by the names of their tensors; `payload` is it with all changes."""

    def __init__(self, payload: bytes) -> None:
        self._bytes = bytearray(payload)
        self._model = schema.Model.GetRootAs(self._bytes, 0)

    @property
    def payload(self) -> bytes:
        """The file."""
        return bytes(self._bytes)

    def read(self) -> dict[str, Stored]:
        """Return all of more than one axis."""
        return {
            str(tensor.Name().decode()): self._stored(tensor)
            for graph in self._graphs()
            for tensor in _tensors(graph)
            if TYPES[tensor.Type()] in BITS and tensor.ShapeLength() > 1 and self._is_weight(tensor)
        }

    def floats(self) -> dict[str, Array]:
        """Return all constants of single precision."""
        return {
            str(tensor.Name().decode()): data.view(np.float32).reshape(_shape(tensor))
            for graph in self._graphs()
            for tensor in _tensors(graph)
            if TYPES[tensor.Type()] == "FLOAT32" and (data := self._data(tensor)) is not None
        }

    def biased(self) -> Iterator[tuple[str, str, float]]:
        """Yield the names of weights and bias of each operation that has both, and the scale of its input."""
        for graph in self._graphs():
            tensors = list(_tensors(graph))
            for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
                operands = self._operands(operator, tensors)
                scales = operands[0].Quantization() if operands else None
                if operands and scales and scales.ScaleLength():
                    yield operands[1].Name().decode(), operands[2].Name().decode(), scales.Scale(0)

    def replace(self, chosen: Mapping[str, tuple[Array, Array]], biases: Mapping[str, Array]) -> None:
        """Replace weights, and round their biases anew.

        Args:
            chosen: By the name of a tensor its integers, of the same shape, and the scales of its channels.
            biases: The biases as floats, by the names of their tensors.
        """
        for graph in self._graphs():
            tensors = list(_tensors(graph))
            for tensor in tensors:
                if self._is_weight(tensor) and (new := chosen.get(tensor.Name().decode())):
                    data = self._data(tensor)
                    assert data is not None
                    data[:] = pack_integers(new[0], BITS[TYPES[tensor.Type()]])
                    scales = tensor.Quantization().ScaleAsNumpy()
                    scales[:] = new[1][: len(scales)]
            for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
                self._round_bias(operator, tensors, chosen, biases)

    def _round_bias(
        self, operator: Tensor, tensors: list[Tensor], chosen: Mapping[str, object], biases: Mapping[str, Array]
    ) -> None:
        """Store the bias of an operation in steps of the scale of its input times the new one of its weights."""
        operands = self._operands(operator, tensors)
        if operands is None:
            return
        given, weights, bias = operands
        kind, data = BIASES.get(TYPES[bias.Type()]), self._data(bias)
        name = bias.Name().decode()
        if kind is None or data is None or weights.Name().decode() not in chosen or name not in biases:
            return
        steps = given.Quantization().Scale(0) * weights.Quantization().ScaleAsNumpy().astype(np.float64)
        limits: np.iinfo[Any] = np.iinfo(kind)
        rounded = np.clip(np.round(biases[name] / steps), limits.min, limits.max)
        data.view(kind)[:] = rounded.astype(kind)
        bias.Quantization().ScaleAsNumpy()[:] = steps

    def _operands(self, operator: Tensor, tensors: list[Tensor]) -> list[Tensor] | None:
        """Return the input, the weights and the bias of an operation; None if it does not have these."""
        operands = OPERANDS.get(self._kind(operator))
        if operands is None or operator.InputsLength() <= operands[2] or operator.Inputs(operands[2]) < 0:
            return None
        return [tensors[operator.Inputs(operand)] for operand in operands]

    def _kind(self, operator: Tensor) -> str:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        return operation_kind(code.BuiltinCode(), code.DeprecatedBuiltinCode())

    def _graphs(self) -> Iterator[Tensor]:
        return (self._model.Subgraphs(index) for index in range(self._model.SubgraphsLength()))

    def _is_weight(self, tensor: Tensor) -> bool:
        quantization = tensor.Quantization()
        return quantization is not None and quantization.ScaleLength() > 0 and self._data(tensor) is not None

    def _data(self, tensor: Tensor) -> NDArray[np.uint8] | None:
        """Return the bytes of a constant, to be read and written; None if it is none."""
        buffer = self._model.Buffers(tensor.Buffer())
        if buffer.Offset() > 1:  # behind the flatbuffer, as in large files
            return np.frombuffer(self._bytes, np.uint8, buffer.Size(), buffer.Offset())
        return None if buffer.DataLength() == 0 else buffer.DataAsNumpy()

    def _stored(self, tensor: Tensor) -> Stored:
        bits, data, shape = BITS[TYPES[tensor.Type()]], self._data(tensor), _shape(tensor)
        assert data is not None
        quantization = tensor.Quantization()
        scale = quantization.ScaleAsNumpy().copy()
        axis = quantization.QuantizedDimension()
        if len(scale) == 1:
            scale = np.repeat(scale, shape[axis])
        return Stored(unpack_integers(data, bits, prod(shape)).reshape(shape), scale, axis, bits)


def _tensors(graph: Tensor) -> Iterator[Tensor]:
    return (graph.Tensors(index) for index in range(graph.TensorsLength()))


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
