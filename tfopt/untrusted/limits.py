"""Limits on the size that a file may swell to, fixed for a small one and a multiple for others, and on loading time."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from tfopt.errors import InputError

SMALL = 256_000_000  # bytes that anything may take
MOST_EXPANSION = 20  # times what is on disk; DEFLATE reaches 1032 with zeros, weights that are half zeros reach 3
REPEAT_SECONDS, LEAST_SECONDS = 1.0, 0.001  # seconds: a library that catches every exception is told again
MOST_PATIENCE = 10  # times as long as asked for, on a machine that is busy
MOST_ELEMENTS = 2**27  # of a tensor for one sample, 512 MB in float32: images of 1024x1024 with 64 channels have half


def check_expansion(declared: int, stored: int, what: str, most: int = MOST_EXPANSION) -> None:
    """Raise `InputError` if `stored` bytes on disk claim to be `declared` bytes, which only a bomb is."""
    if declared > SMALL and declared > most * stored:
        raise InputError(f"{what} would swell from {stored:,} to {declared:,} bytes: refused, as a bomb does that")


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `InputError` after so many seconds; only in the main thread, and not on a system without timers.

    On a machine that is busy with other work there is more time, as long as less than half of it was computed in.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    late = InputError(f"{what} took longer than {seconds:.0f} s: given up, as no sound file does that")
    told = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal told
        waited = time.monotonic() - began < MOST_PATIENCE * seconds
        if time.thread_time() - worked >= seconds / 2 or not waited:
            told = True
            raise late

    began, worked = time.monotonic(), time.thread_time()
    before = signal.signal(signal.SIGALRM, stop)
    others = signal.setitimer(signal.ITIMER_REAL, seconds, min(REPEAT_SECONDS, seconds))
    try:
        yield
    except Exception:
        if told:  # Keras catches it, and says of a layer that it could not be deserialized
            raise late from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if others[0]:  # of whoever called tfopt
            signal.setitimer(signal.ITIMER_REAL, max(others[0] - (time.monotonic() - began), LEAST_SECONDS), others[1])


@contextlib.contextmanager
def reraising(refusal: InputError) -> Iterator[None]:
    """Let `refusal` through as it was raised: Keras raises exceptions of a layer anew, with more words around them."""
    try:
        yield
    except Exception as error:
        causes: BaseException | None = error
        while causes is not None:
            if causes is refusal:
                raise refusal from None
            causes = causes.__cause__ or causes.__context__
        raise
