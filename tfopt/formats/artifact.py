"""The interface of all model files, so that measuring and comparing never ask for a format.

There are a `KerasArtifact`, a `TfliteArtifact` and an `OnnxArtifact`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np

from tfopt.data.lazy_arrays import LazyArray
from tfopt.formats.provenance import Provenance
from tfopt.report.ports import Port
from tfopt.typing import Array, Samples

Shape = tuple[int | None, ...]
Side: TypeAlias = Literal["input", "output"]


class Artifact(Protocol):
    """A loaded model and the exact bytes of its file.

    Attributes:
        name: What reports and messages call it, mostly the name of its file.
        provenance: The data and the commands that it was made with; None if it does not know.
    """

    name: str
    provenance: Provenance | None

    @property
    def payload(self) -> bytes:
        """The bytes of the file."""

    @property
    def metadata_bytes(self) -> int:
        """The bytes of the file that only say how it was made."""

    @property
    def format(self) -> Literal["keras", "tflite", "onnx"]:
        """Sizes and latencies are compared within one format only."""

    @property
    def runtime(self) -> str:
        """The library that runs it, with the number of threads, as reported with its latency."""

    def input_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the inputs, batch axis first; None where a size is free."""

    def input_types(self) -> Sequence[str]:
        """Return the types of the inputs, such as float32 or string."""

    def output_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the outputs, batch axis first."""

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in order."""

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, in order."""

    def ports(self, side: Side) -> list[Port]:
        """Return the inputs or the outputs as reports have them, those of a file in its own order."""

    def parameter_counts(self) -> tuple[int, int]:
        """Count the weights, and those that are not zero."""

    @property
    def loss(self) -> object:
        """The loss that the model was compiled with; None if it has none."""

    def probabilities_of_outputs(self) -> list[bool] | None:
        """Tell of each output whether its scores are probabilities; None if that is not known."""

    def gives_probabilities(self) -> bool:
        """Tell whether the outputs of a classifier are probabilities; otherwise they are logits."""

    def predict(self, x: Samples, advance: Callable[[int], None] = ...) -> Array:
        """Run the model on samples, in batches.

        Args:
            x: An array (N, ...), or one for each input in order.
            advance: Is called with the number of samples that each batch had.

        Returns:
            The outputs (N, ...) as floats; several are flattened side by side, (N, F).

        Raises:
            InputError: The model fails on these samples.
        """

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """Return a function that runs one inference on `inputs` (batch 1) and nothing else, to be timed."""

    def remember(self, provenance: Provenance, folder: Path) -> None:
        """Write `provenance` into the file, which is to lie in `folder`."""

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically, and return its path.

        Raises:
            OutputError: The file exists and `force` is not given, or it cannot be written.
        """


def input_arrays(x: Samples) -> Sequence[Array]:
    """Return the samples as a list of arrays, one for each input."""
    return [x] if isinstance(x, np.ndarray | LazyArray) else x
