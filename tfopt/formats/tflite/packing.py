"""Packing: a `.tflite` file without the bytes that no runtime reads, and with equal parts stored once.

What goes are names of tensors but those of inputs and outputs, minima and maxima of quantized tensors (their scales
and zero points say all), what the converter noted of itself, and buffers and operator codes that are unused or there
twice. Tensors and operations keep their numbers, and signatures, shapes and constants stay as they are.
"""

import io
import zipfile
from collections import defaultdict
from collections.abc import Hashable
from copy import copy

from ai_edge_litert import schema_py_generated as schema

from tfopt.errors import TfoptError, UnsupportedError
from tfopt.formats.paths import UNREADABLE
from tfopt.formats.tflite.layout import read_layout
from tfopt.formats.tflite.sharing import content, written
from tfopt.typing import SchemaObject
from tfopt.untrusted.archives import check_members, read_member

CONVERTERS_OWN = (b"min_runtime_version", b"CONVERSION_METADATA")  # metadata that no runtime asks for
MOST_BYTES = 2**31  # that the offsets of a flatbuffer reach
NONE = 0  # the number of the buffer of tensors that hold no constant
PLACEHOLDER = 1  # offsets up to this one mean that there is none


def packed(payload: bytes, *, keep_names: bool = False) -> bytes:
    """Return a file that LiteRT has loaded without the bytes that can go; what lies behind the model in a zip stays.

    Args:
        payload: The bytes of the file.
        keep_names: Whether all tensors and the model keep their names.

    Raises:
        UnsupportedError: It has something that would be lost, as fields of a newer schema, or a damaged zip.
        InputError: The zip behind the model is one that no writer of models makes.
    """
    flatbuffer = payload[: _zip_start(payload)]
    _check(payload, flatbuffer)
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    _drop(model, keep_names=keep_names)
    _merge_operator_codes(model)
    _merge_buffers(model)
    meant = content(model)
    found = written(model, len(flatbuffer))
    if content(schema.ModelT.InitFromPackedBuf(found, 0)) != meant:
        raise UnsupportedError("it has something that is not the same after it was written")
    return _with_zip(found, payload) if len(flatbuffer) < len(payload) else found


def packed_size(payload: bytes, *, keep_names: bool = False) -> int:
    """Return how many bytes a file has when it is packed, or now if that cannot be done.

    Args:
        payload: The bytes of the file.
        keep_names: Whether all tensors and the model keep their names.
    """
    try:
        return min(len(packed(payload, keep_names=keep_names)), len(payload))
    except TfoptError:
        return len(payload)


def has_all_names(payload: bytes) -> bool:
    """Tell whether each tensor of a file has a name.

    Args:
        payload: The bytes of the file.
    """
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    return all(tensor.name for graph in model.subgraphs for tensor in graph.tensors)


def _check(payload: bytes, flatbuffer: bytes) -> None:
    """Raise `UnsupportedError` if a file has what is not known here, or what would not be copied."""
    if len(payload) >= MOST_BYTES:
        raise UnsupportedError("it is larger than 2 GB, so that constants lie outside of its flatbuffer")
    layout = read_layout(flatbuffer)
    if layout.unknown:
        raise UnsupportedError(f"a newer schema wrote it: {', '.join(sorted(layout.unknown))} is not known here")
    if flatbuffer[layout.end :].strip(b"\0"):
        raise UnsupportedError(f"{len(flatbuffer) - layout.end:,} bytes lie behind the model that it does not name")
    model = schema.Model.GetRootAs(flatbuffer, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    operators = [graph.Operators(index) for graph in graphs for index in range(graph.OperatorsLength())]
    outside = [buffer.Offset() for buffer in buffers] + [one.LargeCustomOptionsOffset() for one in operators]
    if buffers and not buffers[NONE].DataIsNone():
        raise UnsupportedError("its first buffer, which stands for none, holds something")
    if model.ExternalBuffersLength() or any(offset > PLACEHOLDER for offset in outside):
        raise UnsupportedError("constants lie outside of its flatbuffer")


def _drop(model: SchemaObject, *, keep_names: bool) -> None:
    """Leave out what no runtime reads."""
    model.metadata = [one for one in model.metadata or () if one.name not in CONVERTERS_OWN] or None
    called = {0, *(one.subgraphIndex for one in model.signatureDefs or ())}
    model.description = model.description if keep_names else None
    for index, graph in enumerate(model.subgraphs):
        ends = [side for side in (graph.inputs, graph.outputs) if side is not None and index in called]
        named = {int(number) for side in ends for number in side}
        graph.name = graph.name if keep_names or index in called else None
        for number, tensor in enumerate(graph.tensors):
            tensor.name = tensor.name if keep_names or number in named else None
            tensor.quantization = _without_range(tensor.quantization)


def _without_range(quantization: SchemaObject) -> SchemaObject:
    """Return the quantization of a tensor without its minimum and maximum; None if nothing is left of it."""
    if quantization is None:
        return None
    quantization.min = quantization.max = None
    left = (quantization.scale, quantization.zeroPoint, quantization.details)
    return None if all(part is None for part in left) else quantization


def _merge_operator_codes(model: SchemaObject) -> None:
    """Leave out operator codes that are unused or there twice."""
    numbers: dict[Hashable, int] = {}
    codes: list[SchemaObject] = []
    for graph in model.subgraphs:
        for operator in graph.operators or ():
            code = model.operatorCodes[operator.opcodeIndex]
            key = content(code)
            if key not in numbers:
                numbers[key] = len(codes)
                codes.append(code)
            operator.opcodeIndex = numbers[key]
    model.operatorCodes = codes


def _merge_buffers(model: SchemaObject) -> None:
    """Let equal constants be one buffer, and tensors that the runtime fills have none.

    Only tensors of one type with the same scales share one: caches of packed weights know these by their place. Where
    metadata stay, which may name buffers by their numbers, these stay as well.
    """
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    uses: dict[int, set[Hashable]] = defaultdict(set)
    for tensor in tensors:
        if model.buffers[tensor.buffer].data is not None:
            alone = tensor.buffer if tensor.isVariable else None
            uses[tensor.buffer].add((tensor.type, content(tensor.quantization), alone))
    first: dict[Hashable, int] = {}
    equal = [
        first.setdefault((content(buffer), frozenset(uses.get(index, ()))), index)
        for index, buffer in enumerate(model.buffers)
    ]
    if model.metadata or model.metadataBuffer is not None:
        model.buffers = [model.buffers[index] for index in equal]
        return
    kept = sorted({NONE, *(equal[index] for index in uses)})
    numbers = {old: new for new, old in enumerate(kept)}
    for tensor in tensors:
        tensor.buffer = numbers.get(equal[tensor.buffer], NONE)
    model.buffers = [model.buffers[index] for index in kept]


def _zip_start(payload: bytes) -> int:
    """Return where a zip begins that lies behind the model; the end of the file if there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            return min((member.header_offset for member in archive.infolist()), default=len(payload))
    except UNREADABLE:
        return len(payload)


def _with_zip(flatbuffer: bytes, payload: bytes) -> bytes:
    """Return the flatbuffer with the zip of another file behind it, which knows its new place."""
    buffer = io.BytesIO()
    buffer.write(flatbuffer)
    with zipfile.ZipFile(io.BytesIO(payload)) as old, zipfile.ZipFile(buffer, "w") as new:
        check_members(old, "the zip behind the model", len(payload))
        for member in old.infolist():
            try:
                values = read_member(old, member.filename)
            except UNREADABLE as error:
                raise UnsupportedError(f"the zip behind the model is damaged: {error}") from None
            new.writestr(copy(member), values, compresslevel=9)
        new.comment = old.comment
    return buffer.getvalue()
