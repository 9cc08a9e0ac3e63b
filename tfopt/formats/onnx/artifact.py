"""An ONNX file and the session of onnxruntime that runs it."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import onnxruntime

from tfopt.data.output_labels import side_by_side
from tfopt.errors import InputError
from tfopt.formats.artifact import Shape, Side, input_arrays
from tfopt.formats.onnx.model_proto import parameter_counts, read_metadata, read_proto, with_metadata, without_metadata
from tfopt.formats.onnx.trial import try_onnx
from tfopt.formats.provenance import Provenance, home_of
from tfopt.formats.tflite.metadata import FileMetadata
from tfopt.report.ports import Port
from tfopt.runtime.atomic_files import write_file
from tfopt.typing import Array, Samples

BATCH = 64
THREADS = 1
TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
}


class OnnxArtifact:
    """The bytes of an ONNX model (see `Artifact`), which is loaded once when this is made.

    Args:
        name: What reports and messages call it.
        payload: The bytes of the file.
        provenance: What is known of its making.
        order: The names of the inputs in the order in which they are fed; None is the order of the file.
        probabilities: Whether a classifier gives such; None if that is not known.

    Raises:
        InputError: onnxruntime cannot load it.
    """

    format: Literal["onnx"] = "onnx"

    def __init__(
        self,
        name: str,
        payload: bytes,
        provenance: Provenance | None = None,
        order: Sequence[str] | None = None,
        probabilities: bool | None = None,
    ) -> None:
        self.name = name
        self.payload = payload
        self.provenance = provenance
        self.order = order
        self.probabilities = probabilities
        self._folder = Path()
        self._session = session_of(payload, name, os.cpu_count() or 1)

    @property
    def runtime(self) -> str:
        """The library that runs it when it is timed."""
        return f"onnxruntime, {THREADS} thread"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a file that may come from a stranger.

        Raises:
            InputError: It is no ONNX file, or onnxruntime cannot run it.
        """
        payload = path.read_bytes()
        try_onnx(payload, str(path))
        artifact = cls(path.name, payload)
        if found := read_metadata(read_proto(payload, path.name), path.name):
            artifact._folder = home_of(path, found)
            artifact.provenance = found.found_in(artifact._folder)
            if found.inputs and set(found.inputs) != {one.name for one in artifact._session.get_inputs()}:
                raise InputError(f"{path.name} names inputs that it does not have: it is damaged")
            artifact.order, artifact.probabilities = found.inputs, found.probabilities
        return artifact

    def remember(self, provenance: Provenance, folder: Path) -> None:
        """Write `provenance` into the file, which is to lie in `folder`."""
        order = tuple(self.order) if self.order and len(self.order) > 1 else None
        known = {"inputs": order, "probabilities": self.probabilities}
        metadata = FileMetadata.model_validate(provenance.model_dump() | known)
        self.payload = with_metadata(self.payload, metadata.beside(folder))
        self.provenance, self._folder = metadata, folder

    @property
    def metadata_bytes(self) -> int:
        """The bytes of the file that only say how it was made."""
        return len(self.payload) - len(without_metadata(self.payload))

    def _inputs(self) -> list[Any]:
        found = {one.name: one for one in self._session.get_inputs()}
        return [found[name] for name in self.order or found]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in the order in which they are fed."""
        return [one.name for one in self._inputs()]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, in order."""
        return [one.name for one in self._session.get_outputs()]

    def input_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the inputs, batch axis first; None where a size is free."""
        return [_shape(one) for one in self._inputs()]

    def input_types(self) -> Sequence[str]:
        """Return the types of the inputs, such as float32."""
        return [_type(one) for one in self._inputs()]

    def output_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the outputs, batch axis first."""
        return [_shape(one) for one in self._session.get_outputs()]

    def ports(self, side: Side) -> list[Port]:
        """Return the inputs or the outputs as reports have them."""
        found = self._session.get_inputs() if side == "input" else self._session.get_outputs()
        return [Port(name=one.name, shape=list(_shape(one)), dtype=_type(one)) for one in found]

    def parameter_counts(self) -> tuple[int, int]:
        """Count the weights, and those that are not zero."""
        return parameter_counts(self.payload)

    @property
    def loss(self) -> object:
        """A file has none."""
        return None

    def probabilities_of_outputs(self) -> list[bool] | None:
        """Nothing is known of several outputs but by the model that the file was made from."""
        return None

    def gives_probabilities(self) -> bool:
        """Tell whether the outputs of a classifier are probabilities: by its origin, or by its last operation."""
        if self.probabilities is not None:
            return self.probabilities
        nodes = read_proto(self.payload, self.name).graph.node
        return bool(nodes) and nodes[-1].op_type in ("Softmax", "Sigmoid")

    def predict(self, x: Samples, advance: Callable[[int], None] = lambda _: None) -> Array:
        """Run the model on samples (see `Artifact.predict`).

        Raises:
            InputError: onnxruntime fails on them.
        """
        return side_by_side(self.outputs(dict(zip(self.input_names, input_arrays(x), strict=True)), advance).values())

    def outputs(self, feeds: Mapping[str, Array], advance: Callable[[int], None] = lambda _: None) -> dict[str, Array]:
        """Run the model on samples, in batches where the file leaves the batch size free.

        Args:
            feeds: An array (N, ...) for each input, by its name.
            advance: Is called with the number of samples that each batch had.

        Returns:
            Each output (N, ...) as floats, by its name.
        """
        types = dict(zip(self.input_names, self.input_types(), strict=True))
        fixed = {shape[0] for shape in self.input_shapes() if shape} - {None}
        batch = next((size for size in fixed if size), BATCH)
        count = len(next(iter(feeds.values())))
        parts: list[list[Array]] = []
        for start in range(0, count, batch):
            size = min(batch, count - start)
            rows = np.arange(start, start + (batch if fixed else size)) % count  # a fixed batch is filled up
            fed = {name: np.asarray(x[rows]).astype(types[name]) for name, x in feeds.items()}
            parts.append([np.asarray(one)[:size].astype(np.float32) for one in run(self._session, fed, self.name)])
            advance(size)
        joined = (np.concatenate(each) for each in zip(*parts, strict=True))
        return dict(zip(self.output_names, joined, strict=True))

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """Return a function that runs one inference with one thread."""
        session = session_of(self.payload, self.name, THREADS)
        types = self.input_types()
        fed = {name: np.asarray(x).astype(kind) for name, x, kind in zip(self.input_names, inputs, types, strict=True)}
        run(session, fed, self.name)
        return lambda: session.run(None, fed)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically, and return its path.

        Raises:
            OutputError: The file exists and `force` is not given, or it cannot be written.
        """
        return write_file(Path(path), self.payload, force=force)


def session_of(payload: bytes, name: str, threads: int) -> Any:
    """Load a file in onnxruntime; raise `InputError` if it cannot."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception of its own for each status
        raise InputError(f"{name} cannot be loaded by onnxruntime: {_line(error)}") from None


def run(session: Any, feeds: Mapping[str, Array], name: str) -> list[Array]:
    """Run a session; raise `InputError` if it fails."""
    try:
        found: list[Array] = session.run(None, dict(feeds))
    except Exception as error:
        raise InputError(f"{name} cannot be run by onnxruntime: {_line(error)}") from None
    return found


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _shape(one: Any) -> Shape:
    return tuple(size if isinstance(size, int) else None for size in one.shape)


def _type(one: Any) -> str:
    return TYPES.get(one.type, str(one.type))
