"""A target: a device or runtime that is asked which operations of a file it runs, and what the file costs there.

Third parties add theirs by an entry point of the group `tfopt.targets`, and anybody by a file in YAML (`target_file`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from tfopt.errors import UnsupportedError
from tfopt.report.target_fit import OperationFit, TargetFigure
from tfopt.typing import Options

if TYPE_CHECKING:
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.runtime.progress import Progress

Numbers = Literal["float", "integer"]
UNKNOWN = TargetFigure(value=None, how="not known for this target")


@dataclass(frozen=True)
class Examined:
    """Holds what a target says of a file; fields as in `TargetReport`."""

    operations: list[OperationFit]
    flash: TargetFigure
    ram: TargetFigure = UNKNOWN
    milliseconds: TargetFigure = UNKNOWN
    details: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    runs: bool = True


class StoredForm(NamedTuple):
    """The bytes of a file as a target stores it, and sentences on what that is, costs and how it was checked."""

    payload: bytes
    notes: list[str]


class Target(ABC):
    """Base of all targets. The first line of the docstring is its help.

    Attributes:
        name: How the command line calls it.
        numbers: What a Keras model is converted to before it is examined: one sample at a time, in floats or integers.
        suited: The options of techniques, by their names, that make of a model what the target can use.
    """

    name: str
    numbers: Numbers = "float"
    suited: Mapping[str, Options] = MappingProxyType({})

    @abstractmethod
    def source(self) -> str:
        """Say where the list of operations comes from, with the version.

        Raises:
            InputError: If a package is needed that is not installed.
        """

    def stored(self, file: "TfliteArtifact", progress: "Progress") -> StoredForm:  # noqa: ARG002
        """Return the form in which the target stores a file, where that is another.

        Args and errors are those of `examine`.
        """
        raise UnsupportedError(f"{self.name} stores a .tflite file as it is: leave out `target`")

    @abstractmethod
    def examine(self, file: "TfliteArtifact", progress: "Progress") -> Examined:
        """Say which operations of a file run, and what it costs.

        Args:
            file: A file that runs in LiteRT.
            progress: Shows how far the work is.

        Raises:
            TfoptError: In one sentence, if that cannot be found out.
        """
