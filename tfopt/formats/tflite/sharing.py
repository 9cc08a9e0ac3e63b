"""A flatbuffer in which equal parts are one part, that several fields refer to.

Writers of `.tflite` files store a vector of zero points, a shape and a table of options anew for each tensor and
operation; readers follow offsets and never notice that two of them lead to the same place.
"""

from collections.abc import Hashable
from hashlib import blake2b

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfopt.typing import Array, SchemaObject

ALIGNMENT = 16  # of constants, which kernels read in place
SHORT = 256  # bytes of a vector that is told from others by itself, and not by its hash


class SharedTable:
    """A table of a model that equal ones share: it is written once.

    Attributes:
        table: What is written, as an object of the schema.
    """

    def __init__(self, table: SchemaObject) -> None:
        self.table = table
        self._offset: int | None = None

    def Pack(self, builder: "SharingBuilder") -> int:  # noqa: N802  # as objects of the schema call it
        """Return the offset of the table, which is written at the first call."""
        if self._offset is None:
            self._offset = self.table.Pack(builder)
        return self._offset


class SharingBuilder(flatbuffers.Builder):
    """Writes equal vectors of numbers and equal texts once, and aligns constants."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[Hashable, int] = {}

    def CreateNumpyVector(self, x: Array) -> int:  # noqa: N802
        """Return the offset of a vector; bytes are constants, of which the caller says what is shared."""
        if x.dtype == np.uint8:
            self.Prep(ALIGNMENT, x.nbytes)
            return int(super().CreateNumpyVector(x))
        key = content(x)
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]

    def CreateString(self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        """Return the offset of a text."""
        if s not in self._written:
            self._written[s] = super().CreateString(s, encoding, errors)
        return self._written[s]


def content(part: SchemaObject) -> Hashable:
    """Return what tells a part of a model from those that are not equal to it: an object of the schema, or a value."""
    if isinstance(part, np.ndarray):
        values = part.tobytes() if part.nbytes <= SHORT else blake2b(np.ascontiguousarray(part).data).digest()
        return part.dtype.str, part.size, values
    if isinstance(part, list):
        return tuple(map(content, part))
    if isinstance(part, SharedTable):
        return id(part)
    if hasattr(part, "Pack"):
        return type(part).__name__, *(content(value) for value in vars(part).values())
    return type(part).__name__, part.hex() if isinstance(part, float) else part  # -0.0 is another number than 0.0


def written(model: schema.ModelT, size: int) -> bytes:
    """Return the flatbuffer of a model, whose tables are replaced by shared ones.

    Args:
        model: The model, in which constants that are to be shared are one object.
        size: About how many bytes it will have.
    """
    known: dict[Hashable, SharedTable] = {}
    model.buffers = [known.setdefault(id(buffer), SharedTable(buffer)) for buffer in model.buffers]
    builder = SharingBuilder(size)
    builder.Finish(_shared(model, known).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _shared(part: SchemaObject, known: dict[Hashable, SharedTable]) -> SchemaObject:
    """Return a part in which each table stands for all that are equal to it."""
    if isinstance(part, list):
        return [_shared(one, known) for one in part]
    if isinstance(part, SharedTable) or not hasattr(part, "Pack"):
        return part
    for name, value in vars(part).items():
        setattr(part, name, _shared(value, known))
    return known.setdefault(content(part), SharedTable(part))
