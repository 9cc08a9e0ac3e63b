"""Operations that integers of 8 or 16 bits cannot compute, as the ranges of their tensors tell.

The difference of two large, nearly equal numbers is smaller than one step of their integers, and what never varies has
no range at all: LiteRT answers with noise, or ends the process. Attention that is masked by a huge negative number has
a range in which all other scores are one integer. Such operations stay in float.
"""

from collections.abc import Mapping
from math import prod

import numpy as np

from tfopt.formats.tflite.graph import Operation, operations
from tfopt.typing import Array

STEPS = 255
SUMS = ("ADD", "SUB")
SILENT = 0.01
MASKING = ("ADD", "SELECT", "SELECT_V2")


def not_for_integers(payload: bytes, ranges: Mapping[str, Mapping[str, Array]]) -> list[str]:
    """Names of the first outputs of such operations in a float file; `ranges` has min and max of each tensor."""
    spans = {name: _span(values) for name, values in ranges.items() if "min" in values}
    lost: list[str] = []
    masked: set[str] = set()
    for operation in operations(payload):
        if operation.output_type != "FLOAT32" or _has_kernel(operation):
            continue
        widest = max((spans[name] for name in operation.inputs if name in masked), default=0.0)
        if widest or _is_lost(operation, spans) or _masks(operation, spans):
            lost.append(operation.outputs[0])
        if _masks(operation, spans) or (widest and spans.get(operation.outputs[0], 0.0) >= widest):
            masked.add(operation.outputs[0])
    return lost


def with_room_for_zeros(ranges: Mapping[str, Mapping[str, Array]]) -> dict[str, Mapping[str, Array]]:
    """Return ranges in which tensors that are always zero have some: LiteRT refuses what fills one without."""
    return {
        name: {**values, "min": values["min"] - SILENT, "max": values["max"] + SILENT}
        if "min" in values and not np.any(values["min"]) and not np.any(values["max"])
        else values
        for name, values in ranges.items()
    }


def _masks(operation: Operation, spans: Mapping[str, float]) -> bool:
    """Return whether it writes numbers beside which those it takes are all the same: a mask before a softmax."""
    largest = max((spans[name] for name in operation.inputs if name in spans), default=0.0)
    return operation.kind in MASKING and 0 < largest * STEPS < spans.get(operation.outputs[0], 0.0)


def _is_lost(operation: Operation, spans: Mapping[str, float]) -> bool:
    span = spans.get(operation.outputs[0])
    if span is None:
        return False
    largest = max((spans[name] for name in operation.inputs if name in spans), default=0.0)
    return span == 0 or (operation.kind in SUMS and span * STEPS < largest)


def _span(values: Mapping[str, Array]) -> float:
    return float(np.max(values["max"])) - float(np.min(values["min"]))


def _has_kernel(operation: Operation) -> bool:
    return any(len(constant.shape) > 1 and prod(constant.shape) > 1 for constant in operation.constants)
