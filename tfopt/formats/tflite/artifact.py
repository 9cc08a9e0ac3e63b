"""A `.tflite` file and the LiteRT interpreter that runs it."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np

from tfopt.data.output_labels import side_by_side
from tfopt.errors import InputError
from tfopt.formats.artifact import Shape, Side, input_arrays
from tfopt.formats.provenance import Provenance, home_of
from tfopt.formats.tflite.graph import ends_in_probabilities, parameter_counts
from tfopt.formats.tflite.integers import Detail
from tfopt.formats.tflite.interpreter import (
    SIDES,
    BoundInterpreter,
    details_by_name,
    details_of,
    explained,
    make_interpreter,
    port_of,
    shape_of,
)
from tfopt.formats.tflite.metadata import FileMetadata, read_metadata, with_metadata, without_metadata
from tfopt.report.ports import Port
from tfopt.runtime.atomic_files import write_file
from tfopt.typing import Array, Samples
from tfopt.untrusted.trial import try_tflite

BATCH = 64
THREADS = 1
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
        self._folder = Path()
        self.threads = threads
        interpreter = make_interpreter(payload, name, threads)
        with explained(name):
            self._details = {which: details_by_name(interpreter, which) for which in SIDES}
        self._places = {which: [detail["index"] for detail in details_of(interpreter, which)] for which in SIDES}

    @property
    def runtime(self) -> str:
        """LiteRT, with its number of threads."""
        return f"LiteRT, {self.threads} thread{'s' if self.threads > 1 else ''}"

    @classmethod
    def load(cls, path: Path, folder: Path | None = None, threads: int = THREADS) -> Self:
        """Load a file that may come from a stranger.

        Args:
            path: The file.
            folder: The folder that it is to lie in, from which its data are found; None is the one it lies in.
            threads: As for a new one.

        Raises:
            InputError: It is no `.tflite` file, or LiteRT cannot run it.
        """
        payload = path.read_bytes()
        if payload[4:8] != b"TFL3":
            raise InputError(f"{path} is not a .tflite file" if payload else f"{path} is empty")
        batch = try_tflite(payload, str(path), BATCH)
        artifact = cls(path.name, payload, threads=threads, batch=batch)
        if found := read_metadata(payload, path.name):
            artifact._folder = home_of(path, found) if folder is None else folder
            artifact.provenance = found.found_in(artifact._folder)
            if found.inputs and set(found.inputs) != set(artifact.input_names):
                raise InputError(f"{path.name} names inputs that it does not have: it is damaged")
            artifact.order, artifact.probabilities = found.inputs, found.probabilities
        return artifact

    def remember(self, provenance: Provenance, folder: Path) -> None:
        """Write `provenance` behind the model, which is to lie in `folder`, and what only its source tells."""
        order = tuple(self.order) if self.order and len(self.order) > 1 else None
        known = {"inputs": order, "probabilities": self.probabilities}
        metadata = FileMetadata.model_validate(provenance.model_dump() | known)
        self.payload = with_metadata(self.payload, metadata.beside(folder))
        self.provenance, self._folder = metadata, folder

    @property
    def model_bytes(self) -> bytes:
        """The model alone, without what it remembers."""
        return without_metadata(self.payload)

    @property
    def metadata_bytes(self) -> int:
        """The bytes of the file that only say how it was made."""
        return len(self.payload) - len(self.model_bytes)

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
        return [shape_of(detail) for detail in self._inputs().values()]

    def input_types(self) -> Sequence[str]:
        """Return the types of the inputs, such as float32 or int8."""
        return [np.dtype(detail["dtype"]).name for detail in self._inputs().values()]

    def output_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the outputs, batch axis first."""
        return [shape_of(detail) for detail in self._details["output"].values()]

    def ports(self, side: Side) -> list[Port]:
        """Return the inputs or the outputs in the order of the file, which is that of `interpreter.input(i)` in C."""
        found = sorted(self._details[side].items(), key=lambda item: self._places[side].index(item[1]["index"]))
        return [port_of(name, detail) for name, detail in found]

    def parameter_counts(self) -> tuple[int, int]:
        """Count the weights, and those that are not zero."""
        return parameter_counts(self.payload)

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs in the file's signature."""
        return list(self._details["output"])

    @property
    def loss(self) -> object:
        """A file has none."""
        return None

    def probabilities_of_outputs(self) -> list[bool] | None:
        """Nothing is known of several outputs but by the model that the file was made from."""
        return None

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
        return side_by_side(self.outputs(dict(zip(self.input_names, input_arrays(x), strict=True)), advance).values())

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
        bound = BoundInterpreter(make_interpreter(self.payload, self.name, threads))
        count = len(next(iter(feeds.values())))
        parts: dict[str, list[Array]] = {}
        for start in range(0, count, batch):
            size = min(batch, count - start)
            rows = np.arange(start, start + (size if None in sizes else batch)) % count  # a fixed batch is filled up
            with explained(self.name):
                found = bound.run({name: x[rows] for name, x in feeds.items()})
            for name, value in found.items():
                parts.setdefault(name, []).append(value[:size])
            advance(size)
        return {name: np.concatenate(values) for name, values in parts.items()}

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """Return a function that invokes the interpreter once; inputs are set beforehand, and it has run once."""
        interpreter = make_interpreter(self.payload, self.name, self.threads)
        with explained(self.name):
            BoundInterpreter(interpreter).set(dict(zip(self.input_names, inputs, strict=True)))
            interpreter.invoke()
        invoke: Callable[[], object] = interpreter.invoke
        return invoke

    def payload_in(self, folder: Path) -> bytes:
        """Return the bytes of the file as it is to lie in `folder`, from where data that lie near it are found."""
        memory = self.provenance
        if isinstance(memory, FileMetadata) and memory.beside(folder) != memory.beside(self._folder):
            return with_metadata(self.payload, memory.beside(folder))
        return self.payload

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically, and return its path; data that lie near it will be found from there.

        Raises:
            OutputError: The file exists and `force` is not given, or it cannot be written.
        """
        path = Path(path)
        return write_file(path, self.payload_in(path.parent), force=force)
