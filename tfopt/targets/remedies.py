"""The way out for operations that a small target does not run, by what they come from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.formats.tflite.graph import Operation

OF_SHAPES = (
    "SHAPE",
    "STRIDED_SLICE",
    "PACK",
    "GATHER",
    "CONCATENATION",
    "REDUCE_PROD",
    "FILL",
    "RANGE",
    "BROADCAST_TO",
)
OF_LOOPS = ("WHILE", "IF", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")


def remedy(operation: "Operation", file: "TfliteArtifact") -> str:
    """Return what can be done about an operation that does not run; nothing if that is not known."""
    free = any(size is None for shape in file.input_shapes() for size in shape)
    if operation.kind in OF_SHAPES and free:
        return "it computes with a free size: fix it by `batch` 1, and `length` for sequences"
    if operation.kind == "DENSIFY":
        return "it unpacks zeros that were left out: convert with `sparse` off"
    if operation.kind in OF_LOOPS:
        return "it is part of a loop over time: quantize by `precision` int8 with `batch` 1, which unrolls some"
    if operation.kind.startswith("FLEX") or operation.kind == "CUSTOM":
        return "it is no operation of LiteRT: only code of your own runs it"
    if operation.kind == "DEQUANTIZE" and operation.constants:
        return "it unpacks weights that are stored narrow: quantize by `precision` int8"
    if operation.kind in ("QUANTIZE", "DEQUANTIZE") and "float32" in file.input_types():
        return "it stands between floats and integers: `io` int8 lets the file take and give integers"
    if operation.output_type in ("FLOAT32", "FLOAT16"):
        return "it computes in floats: quantize by `precision` int8 with `io` int8"
    return ""
