"""A target that a file in YAML describes: its operations with their types, and its limits.

    name: my-board
    source: data sheet, revision 3
    numbers: integer
    fixed-shapes: true
    flash: 512kB
    ram: 96kB
    operators:
      CONV_2D: {types: [INT8], note: kernels up to 7 by 7}
      SOFTMAX:

An operation without types takes all. Working memory is predicted as the most bytes of tensors that are alive at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, ByteSize, Field

from tfopt.config.fields import Config, Count
from tfopt.core.yaml_document import Document, read_document
from tfopt.errors import ConfigError, InputError
from tfopt.report.target_fit import TargetFigure
from tfopt.targets.target import Examined, Numbers, Target

if TYPE_CHECKING:
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.formats.tflite.graph import Operation
    from tfopt.runtime.progress import Progress


class OperatorRule(Config):
    """The types of tensors that an operation takes, and what else is to be known."""

    types: tuple[str, ...] = ()
    note: str = ""


class TargetDescription(Config):
    """All that a file says of a target.

    `until_first` says that only the operations before the first that does not run are run by it; `fallback` that a CPU
    beside it runs the others. `alignment` is that of tensors in memory.
    """

    name: str
    source: str
    numbers: Numbers = "integer"
    fixed_shapes: bool = Field(default=True, alias="fixed-shapes")
    until_first: bool = Field(default=False, alias="until-first")
    fallback: bool = False
    alignment: Count = 16
    flash: ByteSize | None = None
    ram: ByteSize | None = None
    operators: dict[str, Annotated[OperatorRule, BeforeValidator(lambda given: given or {})]]


class DescribedTarget(Target):
    """A target that a file describes: what it says is a prediction."""

    def __init__(self, described: TargetDescription) -> None:
        self.described = described
        self.name = described.name
        self.numbers = described.numbers

    def source(self) -> str:
        """Say what the file says."""
        return self.described.source

    def examine(self, file: "TfliteArtifact", progress: "Progress") -> Examined:
        """Hold each operation to what the file says of its kind."""
        from tfopt.formats.tflite.lifetimes import bytes_alive, lifetimes
        from tfopt.targets.fits import Said, fits

        free = self.described.fixed_shapes and any(s is None for shape in file.input_shapes() for s in shape)
        stopped = ""

        def said(_number: int, one: "Operation") -> Said:
            nonlocal stopped
            wrong = "its sizes are not fixed" if free else self._wrong(one)
            wrong = wrong or (stopped and f"it comes after {stopped}, which does not run")
            if not wrong:
                return Said(reason=self.described.operators[one.kind].note)
            stopped = stopped or (one.kind if self.described.until_first else "")
            fix = "fix them by `batch` 1, and `length` for sequences" if free else ""
            return Said("partly", f"on the CPU: {wrong}", fix) if self.described.fallback else Said("no", wrong, fix)

        with progress.task("reading operations", None):
            found = fits(file, said)
            lives = [life._replace(bytes=self._aligned(life.bytes)) for life in lifetimes(file.payload)]
        ram = TargetFigure(value=int(bytes_alive(lives).max()), how="the most bytes of tensors alive at once: no less")
        return Examined(
            found,
            TargetFigure(value=len(file.model_bytes), how="the file"),
            ram,
            notes=["a prediction from a list of operations: nothing was run or compiled for this target"],
            runs=all(one.support != "no" for one in found),
        )

    def _aligned(self, size: int) -> int:
        return -(-size // self.described.alignment) * self.described.alignment

    def _wrong(self, operation: "Operation") -> str:
        """Say why it does not run; nothing if it does."""
        rule = self.described.operators.get(operation.kind)
        if rule is None:
            return f"{self.name} has no {operation.kind}"
        if rule.types and operation.output_type not in rule.types:
            return f"{operation.output_type} is not among its types {', '.join(rule.types)}"
        return ""


def read_target(path: Path) -> DescribedTarget:
    """Read the file of a target.

    Raises:
        InputError: In one sentence with the line, if it is missing or not sound.
    """
    from tfopt.formats.tflite.graph import OPERATIONS, TYPES

    document = read_document(path, "a target")
    try:
        described = TargetDescription.model_validate(document.data)
    except ConfigError as error:
        raise _at(document, tuple(error.place), str(error)) from None
    for kind, rule in described.operators.items():
        if kind not in OPERATIONS.values():
            raise _at(document, ("operators", kind), f"there is no operation {kind} in LiteRT")
        if unknown := next((one for one in rule.types if one not in TYPES.values()), None):
            raise _at(document, ("operators", kind, "types"), f"there is no type {unknown} in LiteRT")
    return DescribedTarget(described)


def _at(document: Document, place: tuple[str | int, ...], sentence: str) -> InputError:
    told = sentence.replace(TargetDescription.__name__, "a target").replace("`", "")
    return InputError(f"{document.line(place)}: {told}")
