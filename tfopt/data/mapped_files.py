"""Files that are mapped into memory, and let go of again once much of them was looked at.

What a process has looked at of a mapped file counts as its memory until the system needs that for something else.
"""

import mmap
from typing import BinaryIO

MOST_MAPPED = 32_000_000  # bytes


class FileMap:
    """A file that is mapped for reading; the file itself may be closed then.

    Attributes:
        buffer: The bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._seen = 0

    def let_go(self, seen: int) -> None:
        """Say that so many more bytes were looked at: once it is much, they are handed back to the system."""
        self._seen += seen
        if self._seen > MOST_MAPPED:
            self._seen = 0
            if hasattr(mmap, "MADV_DONTNEED"):
                self.buffer.madvise(mmap.MADV_DONTNEED)
