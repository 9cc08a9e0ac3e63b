"""The operations of a file that a target runs, and what they cost there: plain data."""

from typing import Literal

from tfopt.report.record import Record
from tfopt.report.schema import GateResult

Support = Literal["runs", "partly", "no", "unknown"]


class OperationFit(Record):
    """One operation of the file.

    Attributes:
        number: Its place in the order of execution, from 0.
        kind: Such as "CONV_2D".
        output: The name of its first output; empty if the file has none.
        support: Whether the target runs it; `partly` if something else than the target's own unit does, or the answers
            differ.
        reason: Why not, or what is to be known of it.
        fix: What can be done about it.
    """

    number: int
    kind: str
    output: str
    support: Support
    reason: str = ""
    fix: str = ""


class TargetFigure(Record):
    """A cost, and how it is known; None if it is not."""

    value: float | None
    how: str


class LiveTensor(Record):
    """A tensor that lies in memory when most does."""

    name: str
    type: str
    shape: list[int]
    bytes: int


class MemoryOverTime(Record):
    """The bytes of tensors that are alive in each operation, and those alive in that with most.

    Attributes:
        alive: For each operation, and after the last.
        peak: The operation with most.
        tensors: Those that are alive in it, largest first.
    """

    alive: list[int]
    peak: int
    tensors: list[LiveTensor]


class TargetReport(Record):
    """All that is known of a file on a target.

    Attributes:
        name: The file.
        target: The target.
        source: Where the list of its operations comes from, with the version.
        runs: Whether the target runs the whole file, be it with the help of a CPU beside it.
        operations: In order of execution.
        flash: Bytes to be stored.
        ram: Bytes of working memory.
        milliseconds: Of one inference.
        details: Further figures by name.
        memory: How working memory is used, if that is known.
        gates: The limits that were asked for.
        notes: Sentences.
        versions: Of the packages.
    """

    name: str
    target: str
    source: str
    runs: bool
    operations: list[OperationFit]
    flash: TargetFigure
    ram: TargetFigure
    milliseconds: TargetFigure
    details: dict[str, str]
    memory: MemoryOverTime | None
    gates: list[GateResult]
    notes: list[str]
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Return whether it runs within all limits."""
        return self.runs and all(gate.passed for gate in self.gates)
