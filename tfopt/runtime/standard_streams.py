"""The standard streams may be closed, in another encoding, full, or read by nobody: a command works all the same."""

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Give a closed stream the null device, so that no other file takes its number; print what an encoding lacks."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdin", "stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115, PTH123
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def flush_stdout() -> None:
    """Write what waits for stdout; nothing is wrong where nobody reads any more, as in `tfopt ... | head`.

    Raises:
        OSError: There is no room for it.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  # Python would try again at the end
        if not isinstance(error, BrokenPipeError):
            raise
