"""Operations that integers of 8 or 16 bits cannot compute, as the ranges of their tensors tell.

The difference of two large, nearly equal numbers is smaller than one step of their integers, and what never varies has
no range at all: LiteRT answers with noise, or ends the process. Such operations stay in float.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from tfopt.measure.tflite_graph import Operation, operations

STEPS = 255
SUMS = ("ADD", "SUB")


def not_for_integers(payload: bytes, ranges: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the first outputs of such operations in a float file; `ranges` has min and max of each tensor."""
    spans = {name: _span(values) for name, values in ranges.items() if "min" in values}
    return [
        operation.outputs[0]
        for operation in operations(payload)
        if operation.output_type == "FLOAT32" and not _has_kernel(operation) and _is_lost(operation, spans)
    ]


def _is_lost(operation: Operation, spans: Mapping[str, float]) -> bool:
    span = spans.get(operation.outputs[0])
    if span is None:
        return False
    largest = max((spans[name] for name in operation.inputs if name in spans), default=0.0)
    return span == 0 or (operation.kind in SUMS and span * STEPS < largest)


def _span(values: Mapping[str, Any]) -> float:
    return float(np.max(values["max"])) - float(np.min(values["min"]))


def _has_kernel(operation: Operation) -> bool:
    return any(len(constant.shape) > 1 and prod(constant.shape) > 1 for constant in operation.constants)
