"""The layout of a `.tflite` file: a walk over its flatbuffer tells of each part where it is and what it is for.

A flatbuffer is made of tables. A vtable tells which fields a table has and where; a field is a number, or an offset to
a vector, a text or another table, which several fields may share. Which fields there are is asked of the code that the
compiler of flatbuffers made of LiteRT's schema.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from ai_edge_litert import schema_py_generated as schema
from flatbuffers.table import Table

from tfopt.typing import SchemaObject

UNIONS = {
    "BuiltinOptions": schema.BuiltinOptions,
    "BuiltinOptions2": schema.BuiltinOptions2,
    "Details": schema.QuantizationDetails,
    "ArraySegments": schema.SparseIndexVector,
    "ArrayIndices": schema.SparseIndexVector,
}
KINDS = {
    "Buffer.Data": "constants",
    "QuantizationParameters.Scale": "scales",
    "QuantizationParameters.ZeroPoint": "zero points",
    "QuantizationParameters.Min": "minima and maxima",
    "QuantizationParameters.Max": "minima and maxima",
    "Tensor.Name": "names",
    "SubGraph.Name": "names",
    "Tensor.Shape": "shapes",
    "Tensor.ShapeSignature": "shapes",
    "Model.Description": "metadata",
    "Metadata.Name": "metadata",
    "Metadata": "metadata",
    "SignatureDef": "signatures",
    "TensorMap": "signatures",
    "SparsityParameters": "sparse encoding",
    "DimensionMetadata": "sparse encoding",
    "Int32Vector": "sparse encoding",
    "Uint16Vector": "sparse encoding",
    "Uint8Vector": "sparse encoding",
}
TABLES, PADDING, BEHIND = "tables", "padding", "behind the model"
VTABLE_HEADER = 4  # bytes: the sizes of the vtable and of the table, before two for each field


class Field(NamedTuple):
    """A field of a table: its name, and whether it holds an offset."""

    name: str
    is_offset: bool


@dataclass
class Layout:
    """The parts of a flatbuffer.

    Attributes:
        parts: The size in bytes and the kind of each part, by where it begins; one that is shared is there once.
        unknown: Fields that the schema does not have: a newer one wrote the file.
    """

    parts: dict[int, tuple[int, str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    @property
    def end(self) -> int:
        """Return where the last part ends, in bytes from the beginning of the file."""
        return max(start + size for start, (size, _) in self.parts.items())


def read_layout(payload: bytes) -> Layout:
    """Find all parts of a file that LiteRT has loaded, so that its offsets are known to stay inside.

    Args:
        payload: The bytes of the file.
    """
    layout = Layout()
    model = schema.Model.GetRootAs(payload, 0)
    _walk(layout, payload, model)
    for index in range(model.MetadataLength()):
        _as_metadata(layout, model.Buffers(model.Metadata(index).Buffer()))
    return layout


def bytes_by_kind(payload: bytes) -> dict[str, int]:
    """Count the bytes of a file by what they are for; they add up to the size of the file.

    Args:
        payload: The bytes of the file.
    """
    layout = read_layout(payload)
    counts = Counter({TABLES: 0})
    for size, kind in layout.parts.values():
        counts[kind] += size
    counts[PADDING] = layout.end - counts.total()
    counts[BEHIND] = len(payload) - layout.end
    return {kind: count for kind, count in counts.items() if count}


def _walk(layout: Layout, payload: bytes, table: SchemaObject) -> None:
    """Add a table and all that it refers to; what is there already, others refer to as well."""
    start, kind = table._tab.Pos, type(table).__name__
    if start in layout.parts:
        return
    vtable = start - _number(payload, start, signed=True)
    size = _number(payload, vtable, 2)
    layout.parts.setdefault(vtable, (size, TABLES))
    layout.parts[start] = (_number(payload, vtable + 2, 2), KINDS.get(kind, TABLES))
    for slot, place in _fields_present(payload, vtable, size):
        known = _fields(kind).get(slot)
        if known is None:
            layout.unknown.add(f"field {slot} of {kind}")
        elif known.is_offset:
            _follow(layout, payload, table, known.name, start + place)


def _fields_present(payload: bytes, vtable: int, size: int) -> Iterator[tuple[int, int]]:
    for slot in range((size - VTABLE_HEADER) // 2):
        if place := _number(payload, vtable + VTABLE_HEADER + 2 * slot, 2):
            yield slot, place


def _follow(layout: Layout, payload: bytes, table: SchemaObject, name: str, place: int) -> None:
    """Add what a field of a table refers to; the offset lies at `place`."""
    start, own = place + _number(payload, place), type(table).__name__
    kind = KINDS.get(f"{own}.{name}", KINDS.get(own, TABLES))
    if hasattr(table, f"{name}AsNumpy"):
        layout.parts[start] = (4 + getattr(table, f"{name}AsNumpy")().nbytes, kind)
    elif hasattr(table, f"{name}Length"):
        count = getattr(table, f"{name}Length")()
        layout.parts[start] = (4 + 4 * count, kind)
        for index in range(count):
            _add(layout, payload, table, name, getattr(table, name)(index), start + 4 + 4 * index)
    else:
        _add(layout, payload, table, name, getattr(table, name)(), place)


def _add(layout: Layout, payload: bytes, table: SchemaObject, name: str, found: SchemaObject, place: int) -> None:
    """Add a text, a table or one of a union, as `table` has `found` it by the offset at `place`."""
    if isinstance(found, bytes):
        own = type(table).__name__
        kind = KINDS.get(f"{own}.{name}", KINDS.get(own, TABLES))
        layout.parts[place + _number(payload, place)] = (4 + len(found) + 1, kind)
    elif isinstance(found, Table):
        code = getattr(table, f"{name}Type")()
        one = next((kind for kind, number in vars(UNIONS[name]).items() if number == code), None)
        if one is None:
            layout.unknown.add(f"{name} {code}")
        else:
            member = getattr(schema, one)()
            member.Init(found.Bytes, found.Pos)
            _walk(layout, payload, member)
    else:
        _walk(layout, payload, found)


def _as_metadata(layout: Layout, buffer: SchemaObject) -> None:
    """Count what a buffer holds as metadata."""
    if place := buffer._tab.Offset(VTABLE_HEADER):
        start = buffer._tab.Vector(place) - 4
        layout.parts[start] = (layout.parts[start][0], "metadata")


def _number(payload: bytes, place: int, size: int = 4, *, signed: bool = False) -> int:
    return int.from_bytes(payload[place : place + size], "little", signed=signed)


class _Recorder:
    """Stands for a builder, to ask the functions that add a field for its number."""

    def __init__(self) -> None:
        self.field = (0, False)

    def __getattr__(self, method: str) -> SchemaObject:
        def record(slot: int, *_: object) -> None:
            self.field = slot, method == "PrependUOffsetTRelativeSlot"

        return record


@cache
def _fields(kind: str) -> dict[int, Field]:
    """Return the fields of a kind of table by their number."""
    recorder, found, adds = _Recorder(), {}, f"{kind}Add"
    for name, function in vars(schema).items():
        if name.startswith(adds) and not isinstance(function, type):
            function(recorder, 0)
            slot, is_offset = recorder.field
            found[slot] = Field(name.removeprefix(adds), is_offset)
    return found
