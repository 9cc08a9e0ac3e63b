"""A `.tflite` file and the LiteRT interpreter that runs it."""

import contextlib
import os
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfopt.errors import InputError
from tfopt.formats.artifact import Shape, input_arrays
from tfopt.formats.provenance import Provenance
from tfopt.formats.tflite.graph import ends_in_probabilities
from tfopt.formats.tflite.integers import Detail, dequantize_values, quantize_values
from tfopt.report.ports import Port
from tfopt.runtime.atomic_files import write_file
from tfopt.typing import Array, Samples
from tfopt.untrusted.trial import try_tflite

BATCH = 64
THREADS = 1
Side: TypeAlias = Literal["input", "output"]
SIDES: tuple[Side, Side] = ("input", "output")
TRANSLATOR_INPUTS = ("source", "target")  # of tfopt's own translators, in alphabetical order as in any file


class TfliteArtifact:
    """The bytes of a LiteRT model (see `Artifact`), which is loaded once when this is made, so that it is known to run.

    No interpreter is kept: each has the weights again, packed for its kernels.

    Args:
        name: What reports and messages call it.
        payload: The bytes of the file.
        provenance: What is known of its making.
        threads: The number of threads with which its latency is measured.
        order: The names of the inputs in the order in which they are fed; None is the order of the file.
        batch: The size of batches where the file leaves it free.
        probabilities: Whether a classifier gives such, as the model it was made from tells; None if that is not known.

    Raises:
        InputError: LiteRT cannot run it.
    """

    format: Literal["tflite"] = "tflite"

    def __init__(
        self,
        name: str,
        payload: bytes,
        provenance: Provenance | None = None,
        threads: int = THREADS,
        order: Sequence[str] | None = None,
        batch: int = BATCH,
        probabilities: bool | None = None,
    ) -> None:
        self.name = name
        self.batch = batch
        self.order = order
        self.probabilities = probabilities
        self.payload = payload
        self.provenance = provenance
        self.threads = threads
        interpreter = _interpreter(payload, name, threads)
        self._details = {which: _details_by_name(interpreter, which) for which in SIDES}
        self._places = {which: [detail["index"] for detail in _details(interpreter, which)] for which in SIDES}

    @property
    def runtime(self) -> str:
        """LiteRT, with its number of threads."""
        return f"LiteRT, {self.threads} thread{'s' if self.threads > 1 else ''}"

    @classmethod
    def load(cls, path: Path, threads: int = THREADS) -> Self:
        """Load a file that may come from a stranger.

        Raises:
            InputError: It is no `.tflite` file, or LiteRT cannot run it.
        """
        payload = path.read_bytes()
        if payload[4:8] != b"TFL3":
            raise InputError(f"{path} is not a .tflite file" if payload else f"{path} is empty")
        batch = try_tflite(payload, str(path), BATCH)
        return cls(path.name, payload, threads=threads, batch=batch)

    def _inputs(self) -> dict[str, Detail]:
        """Return the details of the inputs by name, in `order` if there is one, or else as the file has them."""
        found = self._details["input"]
        return {name: found[name] for name in self.order} if self.order else found

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs in the file's signature."""
        return list(self._inputs())

    def input_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the inputs, batch axis first; None where a size is free."""
        return [_shape(detail) for detail in self._inputs().values()]

    def input_types(self) -> Sequence[str]:
        """Return the types of the inputs, such as float32 or int8."""
        return [np.dtype(detail["dtype"]).name for detail in self._inputs().values()]

    def output_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the outputs, batch axis first."""
        return [_shape(detail) for detail in self._details["output"].values()]

    def ports(self, side: Side) -> list[Port]:
        """Return the inputs or the outputs in the order of the file, which is that of `interpreter.input(i)` in C."""
        found = sorted(self._details[side].items(), key=lambda item: self._places[side].index(item[1]["index"]))
        return [_port(name, detail) for name, detail in found]

    def gives_probabilities(self) -> bool:
        """Tell whether the outputs of a classifier are probabilities: by its origin, or by its last operation."""
        return ends_in_probabilities(self.payload) if self.probabilities is None else self.probabilities

    def predict(self, x: Samples, advance: Callable[[int], None] = lambda _: None) -> Array:
        """Run the model on samples (see `Artifact.predict`); inputs come in `order`.

        Raises:
            InputError: There are several inputs and their order is not known, or LiteRT fails.
        """
        if self.order is None and len(self.input_names) > 1 and set(self.input_names) != set(TRANSLATOR_INPUTS):
            raise InputError(
                f"{self.name} has the inputs {', '.join(self.input_names)} and does not say in which order they are"
                " fed; measure it with the command that makes it"
            )
        [output] = self.outputs(dict(zip(self.input_names, input_arrays(x), strict=True)), advance).values()
        return output

    def outputs(self, feeds: Mapping[str, Array], advance: Callable[[int], None] = lambda _: None) -> dict[str, Array]:
        """Run the model on samples, in batches where the file leaves the batch size free.

        Args:
            feeds: An array (N, ...) for each input, by its name.
            advance: Is called with the number of samples that each batch had.

        Returns:
            Each output (N, ...) as floats, by its name.
        """
        sizes = {shape[0] for shape in self.input_shapes() if shape}
        batch = self.batch if sizes == {None} else next(size for size in sizes if size)
        threads = (os.cpu_count() or 1) if batch > 1 else 1  # one sample alone is too little to share
        bound = _BoundInterpreter(_interpreter(self.payload, self.name, threads))
        count = len(next(iter(feeds.values())))
        parts: dict[str, list[Array]] = {}
        for start in range(0, count, batch):
            size = min(batch, count - start)
            rows = np.arange(start, start + (size if None in sizes else batch)) % count  # a fixed batch is filled up
            with _explained(self.name):
                found = bound.run({name: x[rows] for name, x in feeds.items()})
            for name, value in found.items():
                parts.setdefault(name, []).append(value[:size])
            advance(size)
        return {name: np.concatenate(values) for name, values in parts.items()}

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """Return a function that invokes the interpreter once; inputs are set beforehand, and it has run once."""
        interpreter = _interpreter(self.payload, self.name, self.threads)
        with _explained(self.name):
            _BoundInterpreter(interpreter).set(dict(zip(self.input_names, inputs, strict=True)))
            interpreter.invoke()
        invoke: Callable[[], object] = interpreter.invoke
        return invoke

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically, and return its path.

        Raises:
            OutputError: The file exists and `force` is not given, or it cannot be written.
        """
        return write_file(Path(path), self.payload, force=force)


class _BoundInterpreter:
    """An interpreter with the details of its inputs and outputs by name, which take longer to ask for than a sample."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.inputs = _details_by_name(interpreter, "input")
        self.outputs = _details_by_name(interpreter, "output")
        self.shapes = {name: tuple(detail["shape"]) for name, detail in self.inputs.items()}

    def set(self, feeds: Mapping[str, Array]) -> None:
        """Set the inputs, resized to what they are given."""
        resized = [name for name, x in feeds.items() if self.shapes[name] != x.shape]
        for name in resized:
            self.interpreter.resize_tensor_input(self.inputs[name]["index"], feeds[name].shape)
            self.shapes[name] = feeds[name].shape
        if resized:
            self.interpreter.allocate_tensors()
        for name, x in feeds.items():
            self.interpreter.set_tensor(self.inputs[name]["index"], quantize_values(x, self.inputs[name]))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Invoke it once from a fresh state: recurrent kernels keep theirs from one to the next otherwise."""
        self.set(feeds)
        self.interpreter.reset_all_variables()
        self.interpreter.invoke()
        return {
            name: dequantize_values(self.interpreter.get_tensor(detail["index"]), detail)
            for name, detail in self.outputs.items()
        }


def _details_by_name(interpreter: Interpreter, which: Side) -> dict[str, Detail]:
    """Return the details of the inputs or outputs by name: in the signature, or without one those of the tensors."""
    details = _details(interpreter, which)
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {detail["name"]: detail for detail in details}
    [key] = signatures
    runner = interpreter.get_signature_runner(key)
    named = runner.get_input_details() if which == "input" else runner.get_output_details()
    places = {detail["index"]: detail for detail in details}
    return {name: places[detail["index"]] for name, detail in named.items()}


def _details(interpreter: Interpreter, which: Side) -> list[Detail]:
    found: list[Detail] = interpreter.get_input_details() if which == "input" else interpreter.get_output_details()
    return found


def _port(name: str, detail: Detail) -> Port:
    scale, zero_point = detail["quantization"]
    numbers = {"scale": float(scale), "zero_point": int(zero_point)} if scale else {}
    return Port(name=name, shape=list(_shape(detail)), dtype=np.dtype(detail["dtype"]).name, **numbers)


def intermediate_tensors(
    artifact: TfliteArtifact, names: Container[str], feeds: Mapping[str, Array]
) -> dict[str, Array]:
    """Read tensors of the main graph while the model runs.

    Args:
        artifact: The model.
        names: The names of the tensors.
        feeds: An array (N, ...) for each input, by its name.

    Returns:
        The values (N, ...) of each tensor as floats, by its name; a tensor that holds no data is left out.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Warning: Enabling `experimental_preserve_all_tensors`")
        interpreter = Interpreter(
            model_content=artifact.payload, num_threads=THREADS, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    bound = _BoundInterpreter(interpreter)
    sizes = {shape[0] for shape in artifact.input_shapes() if shape}
    count = len(next(iter(feeds.values())))
    batch = next((size for size in sizes if size), count)
    parts: dict[str, list[Array]] = {}
    for start in range(0, count - batch + 1, batch):
        bound.run({name: x[start : start + batch] for name, x in feeds.items()})
        details = {detail["name"]: detail for detail in interpreter.get_tensor_details() if detail["name"] in names}
        for name, detail in details.items():
            with contextlib.suppress(ValueError):  # it holds no data: an output that nobody uses
                value = np.atleast_1d(dequantize_values(interpreter.get_tensor(detail["index"]), detail))
                parts.setdefault(name, []).append(value)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _interpreter(payload: bytes, name: str, threads: int) -> Interpreter:
    with _explained(name):
        interpreter = Interpreter(model_content=payload, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, MemoryError) as error:
        raise InputError(f"{name} cannot be run by LiteRT: {' '.join(str(error).split())[:200]}") from error


def _shape(detail: Detail) -> Shape:
    return tuple(None if size < 0 else int(size) for size in detail["shape_signature"])
