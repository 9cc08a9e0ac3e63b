"""Text files from somebody else, plain or gzipped, line by line: in UTF-8, without zero bytes, of a bounded size."""

import codecs
import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from tfopt.data.array_files import check_file
from tfopt.errors import InputError
from tfopt.untrusted.limits import check_expansion

AT_ONCE = 1 << 20
MOST_EXPANSION = 200  # times its size that a text may have when unzipped; DEFLATE reaches 1032
MOST_LINES = 10_000_000
MOST_CELLS = 50_000_000  # 28x28 pixels of 60,000 images are 47 million
MOST_LINE = 16_000_000  # bytes


def read_lines(path: Path, separator: str = "\n") -> Iterator[str]:
    """Yield the lines of a text file, plain or gzipped, with their ends.

    Args:
        path: The file.
        separator: The character between cells, which are counted, too.

    Yields:
        One line after the other.

    Raises:
        InputError: If it is no text in UTF-8, or has too many lines or cells for the memory.
    """
    check_file(path)
    try:
        with _open(path) as file:
            _check_content(file, path, separator.encode())
        with _open(path) as file:
            yield from _decode_lines(file, path)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no gzip file or is damaged") from error


def _open(path: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _check_content(file: BinaryIO, path: Path, separator: bytes) -> None:
    stored = path.stat().st_size
    size = lines = cells = 0
    while part := file.read(AT_ONCE):
        size += len(part)
        check_expansion(size, stored, str(path), most=MOST_EXPANSION)
        if b"\0" in part:
            raise InputError(f"{path} is no text file: it has zero bytes")
        lines += part.count(b"\n")
        cells += part.count(separator) + part.count(b"\n")
        if lines > MOST_LINES:
            raise InputError(f"{path} has more than {MOST_LINES:,} lines, which is too much to hold")
        if cells > MOST_CELLS:
            raise InputError(f"{path} has more than {MOST_CELLS:,} cells, which is too much to hold")


def _decode_lines(file: BinaryIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MOST_LINE + 1):
        number += 1
        if len(line) > MOST_LINE:
            raise InputError(f"{path} has more than {MOST_LINE:,} bytes in line {number}: it is no table or text")
        try:
            yield (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} is not in UTF-8: line {number} cannot be read; save it in that encoding"
            ) from error
