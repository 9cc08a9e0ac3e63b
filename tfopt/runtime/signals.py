"""Ctrl-C and the signals that ask a process to end, end a command in order: what is temporary is removed first."""

import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
SOON = 0.05  # seconds
WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Stop(KeyboardInterrupt):
    """A signal has asked this process to end; no library takes it for an error of its own."""


_asked: list[signal.Signals] = []


def listen() -> None:
    """Raise `Stop` in the main thread at these signals, unless whoever started this process lets it ignore them."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _stop)
    sys.unraisablehook = _again


def asked() -> tuple[str, int] | None:
    """A word for the signal that has come, and the exit code that tells of it; None if there was none.

    Libraries make other exceptions of an interruption, too.
    """
    return (WORDS[_asked[0].name], 128 + _asked[0]) if _asked else None


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _asked.append(signal.Signals(number))
    raise Stop


def _tell(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:  # ends a call of the system that it waits in
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def _again(found: "UnraisableHookArgs") -> None:
    """Python drops what is raised while it collects garbage or C calls it: what has to end is told again after that."""
    if issubclass(found.exc_type, Stop):
        threading.Timer(SOON, _tell, [_asked[-1]]).start()
    else:
        sys.__unraisablehook__(found)
