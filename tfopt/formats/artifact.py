"""What every model file has in common, so that measuring and comparing never ask for its format."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from tfopt.data.lazy_images import LazyImages
from tfopt.formats.provenance import Provenance
from tfopt.typing import Array, Samples

Shape = tuple[int | None, ...]


class Artifact(Protocol):
    """A loaded model and the exact bytes of its file."""

    name: str
    provenance: Provenance | None

    @property
    def payload(self) -> bytes:
        """The bytes of the file."""

    @property
    def format(self) -> Literal["keras", "tflite"]:
        """Sizes and latencies are compared within one format only."""

    @property
    def runtime(self) -> str:
        """What runs it, with the number of threads, as latency is reported."""

    def input_shapes(self) -> Sequence[Shape]:
        """Shapes of the inputs, batch axis first; None where a size is free."""

    def input_types(self) -> Sequence[str]:
        """Types of the inputs, such as float32 or string."""

    def output_shapes(self) -> Sequence[Shape]:
        """Shapes of the outputs, batch axis first."""

    def predict(self, x: Samples, advance: Callable[[int], None] = ...) -> Array:
        """Outputs (N, ...) as floats for an array (N, ...), or one for each input in order.

        `advance` hears how many samples each step has done.
        """

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """A function that runs one inference on `inputs` (batch 1) and nothing else, to be timed."""

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically; raise `OutputError` if it exists, unless `force`."""


def input_arrays(x: Samples) -> Sequence[Array]:
    """An array for each input."""
    return [x] if isinstance(x, np.ndarray | LazyImages) else x
