"""Large arrays of `.npz` files as files of rows: those not compressed are read where they lie, others unpacked once.

A member is read to its end before anything else, so that a damaged one is noticed by its checksum.
"""

import struct
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.lib import format as npy

from tfopt.data.lazy_arrays import PIECE, is_large
from tfopt.data.row_files import ReadFile, RowFile, RowWriter
from tfopt.data.stored_arrays import StoredArray
from tfopt.typing import Array

LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of a member; its name and an extra field come after it


class Header(NamedTuple):
    """The header of an `.npy` file: shape, whether the first axis varies fastest, type, and its own length in bytes."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]
    length: int

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * prod(self.shape[1:])


def store_member(archive: zipfile.ZipFile, name: str, path: Path, axes: int) -> Array | None:
    """Return an array of a file without holding it.

    Args:
        archive: The file, open.
        name: The name of the member.
        path: The path of the file.
        axes: The number of axes that it has at least.

    Returns:
        A lazy array; None for one that is not large, or holds no rows of numbers.

    Raises:
        ValueError: If the member is damaged.
        OutputError: If there is no room for temporary files.
    """
    info = archive.getinfo(name)
    with archive.open(info) as file:
        header = _read_header(file)
        if header is None or len(header.shape) < axes or header.dtype.kind not in "fiub" or not is_large(header.shape):
            return None
        held, promised = info.file_size - header.length, header.shape[0] * header.row
        if held != promised:
            raise ValueError(f"member {name} holds {held:,} bytes of the {promised:,} that its header promises")
        if info.compress_type == zipfile.ZIP_STORED and not header.fortran:
            for _ in _parts(file):
                pass
            rows = _map_member(path, info, header)
        else:
            rows = _unpack(file, header)
    return cast(Array, StoredArray(rows, header.dtype, header.shape[1:]))


def _read_header(file: IO[bytes]) -> Header | None:
    """Read the header of an `.npy` file; None for versions that few writers use."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        return None
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return Header(*read(file), file.tell())


def _map_member(path: Path, info: zipfile.ZipInfo, header: Header) -> RowFile:
    with path.open("rb") as file:
        file.seek(info.header_offset)
        *_, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        start = info.header_offset + LOCAL_HEADER.size + name + extra + header.length
        return RowFile(ReadFile(file, str(path)), start, header.shape[0], header.row)


def _unpack(file: IO[bytes], header: Header) -> RowFile:
    count, size = header.shape[0], header.row
    writer = RowWriter(count * size)
    for part in _parts(file):
        writer.append(np.frombuffer(part, np.uint8))
    if not header.fortran:
        return writer.finish_rows(count, size)
    turned = RowWriter(count * size)  # the values of a row lie far apart: what is unpacked is read column by column
    width = header.dtype.itemsize
    columns = writer.finish_rows(size // width, count * width)
    step = max(1, PIECE // size)
    for start in range(0, count, step):
        block = columns.read_part(start * width, min(start + step, count) * width)
        block = block.view(header.dtype).T.reshape(-1, *header.shape[:0:-1])
        turned.append(block.transpose(0, *range(block.ndim - 1, 0, -1)))
    return turned.finish_rows(count, size)


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(PIECE):
        yield part
