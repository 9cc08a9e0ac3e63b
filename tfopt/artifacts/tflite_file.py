"""A `.tflite` file and the LiteRT interpreter that runs it; integers are scaled by each tensor's own numbers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from tfopt.artifacts.artifact import Shape
from tfopt.artifacts.provenance import Provenance
from tfopt.artifacts.writing import write
from tfopt.errors import InputError, UnsupportedError

BATCH = 64
THREADS = 1


class TfliteArtifact:
    """The bytes of a LiteRT model; they are loaded and allocated once when this is made, so it is known to run."""

    format: Literal["tflite"] = "tflite"
    runtime = f"LiteRT, {THREADS} thread"

    def __init__(self, name: str, payload: bytes, provenance: Provenance | None = None) -> None:
        self.name = name
        self.payload = payload
        self.provenance = provenance
        self._interpreter = _interpreter(payload, name)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a file; raise `InputError` in one sentence if LiteRT cannot run it."""
        payload = path.read_bytes()
        if payload[4:8] != b"TFL3":
            raise InputError(f"{path} is not a .tflite file" if payload else f"{path} is empty")
        return cls(path.name, payload)

    def input_shapes(self) -> Sequence[Shape]:
        """Shapes of the inputs, batch axis first; None where a size is free."""
        return [_shape(detail) for detail in self._interpreter.get_input_details()]

    def input_types(self) -> Sequence[str]:
        """Types of the inputs, such as float32 or int8."""
        return [np.dtype(detail["dtype"]).name for detail in self._interpreter.get_input_details()]

    def output_shapes(self) -> Sequence[Shape]:
        """Shapes of the outputs, batch axis first."""
        return [_shape(detail) for detail in self._interpreter.get_output_details()]

    def predict(self, x: NDArray[Any], advance: Callable[[int], None] = lambda _: None) -> NDArray[Any]:
        """Outputs (N, K) as floats for x (N, ...), in batches where the file allows a free batch size."""
        interpreter = _interpreter(self.payload, self.name)
        detail = interpreter.get_input_details()[0]
        batch = BATCH if detail["shape_signature"][0] == -1 else int(detail["shape"][0])
        if batch not in (1, BATCH):
            raise UnsupportedError(f"{self.name} has a fixed batch of {batch}; 1 or a free one is needed")
        outputs = []
        for start in range(0, len(x), batch):
            samples = x[start : start + batch]
            if tuple(interpreter.get_input_details()[0]["shape"]) != samples.shape:
                interpreter.resize_tensor_input(detail["index"], samples.shape)
                interpreter.allocate_tensors()
            interpreter.set_tensor(detail["index"], quantized(samples, detail))
            interpreter.reset_all_variables()  # recurrent kernels keep their state between samples otherwise
            interpreter.invoke()
            output = interpreter.get_output_details()[0]
            outputs.append(dequantized(interpreter.get_tensor(output["index"]), output))
            advance(len(samples))
        return np.concatenate(outputs)

    def runner(self, inputs: Sequence[NDArray[Any]]) -> Callable[[], object]:
        """One `invoke`; the inputs are set beforehand."""
        interpreter = _interpreter(self.payload, self.name)
        for detail, x in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.resize_tensor_input(detail["index"], x.shape)
        interpreter.allocate_tensors()
        for detail, x in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], quantized(x, detail))
        return interpreter.invoke  # type: ignore[no-any-return]

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically; raise `OutputError` if it exists, unless `force`."""
        return write(Path(path), self.payload, force=force)


def quantized(x: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    """Real values to the tensor's own type: q = round(x / scale) + zero_point, clipped to the range of that type."""
    dtype = np.dtype(detail["dtype"])
    scale, zero_point = detail["quantization"]
    if dtype.kind != "i" or scale == 0:
        return x.astype(dtype)
    limits = np.iinfo(dtype)
    clipped: NDArray[Any] = np.clip(np.round(x / scale) + zero_point, limits.min, limits.max)
    return clipped.astype(dtype)


def dequantized(q: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    """The tensor's own type to real values: x = scale * (q - zero_point)."""
    scale, zero_point = detail["quantization"]
    if np.dtype(detail["dtype"]).kind != "i" or scale == 0:
        return q.astype(np.float32)
    real: NDArray[Any] = scale * (q.astype(np.float32) - zero_point)
    return real.astype(np.float32)


def _interpreter(payload: bytes, name: str) -> Interpreter:
    try:
        interpreter = Interpreter(model_content=payload, num_threads=THREADS)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{name} cannot be run by LiteRT: {' '.join(str(error).split())[:200]}") from error
    return interpreter


def _shape(detail: dict[str, Any]) -> Shape:
    return tuple(None if size == -1 else int(size) for size in detail["shape_signature"])
