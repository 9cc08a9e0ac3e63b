"""TensorFlow's log lines stay away from the terminal: those of Python are filtered, those of C++ go nowhere."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def hidden() -> Iterator[None]:
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


def _writes_to_descriptor_2(stream: object) -> bool:
    try:
        return stream.fileno() == 2  # type: ignore[attr-defined,no-any-return]
    except (AttributeError, OSError, ValueError):
        return False
