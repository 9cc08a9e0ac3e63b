"""Text files from somebody else, plain or gzipped, line by line: in UTF-8, without zero bytes, of a bounded size."""

import codecs
import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from tfopt.data.array_files import check_file
from tfopt.errors import InputError
from tfopt.untrusted.limits import check_expansion

AT_ONCE = 1 << 20
MOST_EXPANSION = 200  # times its size that a text may have when unzipped; DEFLATE reaches 1032
MOST_LINES = 10_000_000
MOST_LINE = 16_000_000  # bytes


class Content(NamedTuple):
    """Numbers of lines, of cells, of quotes, and of returns that no line feed follows; no count is too small."""

    lines: int
    cells: int
    quotes: int
    returns: int

    def most_rows(self, width: int) -> int:
        """Return how many rows of `width` cells there are at most."""
        return min(self.lines, self.cells // width)


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, plain or gzipped, with their ends; raise what `check_text` raises."""
    check_text(path, most_lines=MOST_LINES)
    yield from decode_lines(path)


def check_text(path: Path, separator: str = "\n", most_lines: int | None = None) -> Content:
    """Look through a text file, plain or gzipped, and count what is in it.

    Args:
        path: The file.
        separator: The character between cells.
        most_lines: The number of lines that it may have; by default as many as it has bytes on disk.

    Raises:
        InputError: If it is no text, is damaged, would swell, or has too many lines.
    """
    check_file(path)
    stored = path.stat().st_size
    most = max(MOST_LINES, stored) if most_lines is None else most_lines  # in a zip a line takes about a byte
    size = lines = cells = quotes = returns = 0
    with open_text(path) as file:
        while part := file.read(AT_ONCE):
            part += file.read(1) if part.endswith(b"\r") else b""
            size += len(part)
            check_expansion(size, stored, str(path), most=MOST_EXPANSION)
            if b"\0" in part:
                raise InputError(f"{path} is no text file: it has zero bytes")
            content = np.frombuffer(part, np.uint8)
            ends = int(np.count_nonzero(content == ord("\n")))
            lines += ends
            cells += int(np.count_nonzero(content == ord(separator))) + ends
            quotes += part.count(b'"')
            returns += part.count(b"\r") - part.count(b"\r\n")
            if lines > most:
                raise InputError(f"{path} has more than {most:,} lines, which is too much to hold")
    return Content(lines + returns + 1, cells + returns + 1, quotes, returns)


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """Open a file, plain or gzipped, to read its bytes; raise `InputError` if what is read is damaged."""
    try:
        with cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no gzip file or is damaged") from error


def decode_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file that `check_text` let pass; raise `InputError` if one is too long or not in UTF-8."""
    with open_text(path) as file:
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
