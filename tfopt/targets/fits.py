"""The operations of a file with what a target says of each."""

from collections.abc import Callable
from typing import NamedTuple

from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import Operation, operations
from tfopt.report.target_fit import OperationFit, Support
from tfopt.targets.remedies import remedy


class Said(NamedTuple):
    """A target runs an operation or not, for a reason; the way out, if it is not the usual one."""

    support: Support = "runs"
    reason: str = ""
    fix: str = ""


def fits(file: TfliteArtifact, said: Callable[[int, Operation], Said]) -> list[OperationFit]:
    """Return an entry for each operation of the main graph, in order of execution.

    Args:
        file: The file.
        said: Is asked about each, with its number from 0.
    """
    found = []
    for number, one in enumerate(each for each in operations(file.payload) if not each.in_loop):
        support, reason, fix = said(number, one)
        if support in ("no", "partly"):
            fix = fix or remedy(one, file)
        output = one.outputs[0] if one.outputs else ""
        found.append(OperationFit(number=number, kind=one.kind, output=output, support=support, reason=reason, fix=fix))
    return found
