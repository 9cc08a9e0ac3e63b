"""The operations and constants of a `.tflite`, by kind and by type."""

from collections import defaultdict
from math import prod

from tfopt.formats.tflite.graph import PACKED_BITS, Constant, Operation, operations, parameter_counts, tflite_macs
from tfopt.formats.tflite.packing import has_all_names
from tfopt.report.inspection import OperationFacts, TensorFacts
from tfopt.typing import Options

NAMELESS = "only its inputs and outputs have names: the others are kept if a file is made or packed with `keep_names`"


def tflite_facts(payload: bytes) -> Options:
    """Return what an `Inspection` says of a `.tflite`; operations in loops are counted once."""
    found = operations(payload)
    count, nonzero = parameter_counts(payload)
    kinds: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    types: dict[str, dict[tuple[int, int], Constant]] = defaultdict(dict)
    for operation in found:
        kinds[operation.kind, operation.output_type].append(operation)
        for constant in operation.constants:
            types[constant.type][constant.number] = constant
    return {
        "parameters": count,
        "nonzero_parameters": nonzero,
        "macs": tflite_macs(payload),
        "operations": [_operations(*key, alike) for key, alike in sorted(kinds.items())],
        "notes": () if has_all_names(payload) else (NAMELESS,),
        "tensors": [_tensors(kind, list(numbered.values())) for kind, numbered in sorted(types.items())],
    }


def _operations(kind: str, output_type: str, alike: list[Operation]) -> OperationFacts:
    macs = [operation.macs for operation in alike]
    known = sum(count for count in macs if count is not None)
    return OperationFacts(kind=kind, output_type=output_type, count=len(alike), macs=None if None in macs else known)


def _tensors(kind: str, constants: list[Constant]) -> TensorFacts:
    values = sum(prod(constant.shape) for constant in constants)
    bits = PACKED_BITS.get(kind)
    stored = sum(constant.values.nbytes for constant in constants)
    return TensorFacts(
        type=kind,
        count=len(constants),
        values=values,
        nonzero=sum(constant.nonzero for constant in constants),
        bytes=stored if bits is None else -(-values * bits // 8),
    )
