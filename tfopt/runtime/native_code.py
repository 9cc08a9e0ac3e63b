"""Native code in a process: TensorFlow writes log lines, and crashes where memory is short.

Its log lines in Python are filtered, those in C++ go nowhere; its memory is checked before it is imported.
"""

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator

from tfopt.errors import InputError

LEAST_ADDRESSES = 3_000_000_000  # bytes; with less, TensorFlow fails to load, aborts or crashes


def check_address_space() -> None:
    """Raise `InputError` if the addresses of this process are limited to less than TensorFlow needs."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY and most < LEAST_ADDRESSES:
            raise InputError(
                f"this process may take {most:,} bytes of memory (ulimit -v), but TensorFlow needs {LEAST_ADDRESSES:,}"
            )


@contextlib.contextmanager
def native_log_hidden() -> Iterator[None]:
    """Send what native code writes to file descriptor 2 to the null device; Python's `sys.stderr` goes on as before."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow", "root"):
        logging.getLogger(name).setLevel(logging.ERROR)
    before = sys.stderr
    try:
        terminal = os.dup(2)
    except OSError:  # closed by the caller: there is no terminal to keep clean
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    if _writes_to_descriptor_2(before):
        sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, encoding=before.encoding, errors=before.errors)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if sys.stderr is not before:
            with contextlib.suppress(OSError):  # full, like the device behind it
                sys.stderr.close()
            sys.stderr = before
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def native_output() -> Iterator[Callable[[], list[str]]]:
    """Catch what native code writes to file descriptors 1 and 2; yields what returns the lines so far."""
    before = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as file:

        def lines() -> list[str]:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            file.seek(0)
            return file.read().decode(errors="replace").splitlines()

        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield lines
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for descriptor, kept in zip((1, 2), before, strict=True):
                os.dup2(kept, descriptor)
                os.close(kept)


def _writes_to_descriptor_2(stream: object) -> bool:
    if not isinstance(stream, io.IOBase):
        return False
    try:
        return stream.fileno() == 2
    except (OSError, ValueError):
        return False
