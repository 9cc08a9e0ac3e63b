"""Signals that ask a process to end, such as Ctrl-C, end a command in order: what is temporary is removed first.

Only the command line installs these handlers. A program that uses tfopt as a library keeps its own.
"""

import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
DELAY = 0.05  # seconds until a lost interrupt is sent again
WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class SignalInterrupt(KeyboardInterrupt):
    """A signal has asked this process to end; no library takes it for an error of its own."""


_received: list[signal.Signals] = []


def install_handlers() -> None:
    """Raise `SignalInterrupt` in the main thread at each of `SIGNALS`.

    A signal that whoever started this process lets it ignore stays ignored, as under `nohup`.
    """
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _interrupt)
    sys.unraisablehook = _repeat_lost_interrupt


def received_signal() -> tuple[str, int] | None:
    """Return a word for the signal that has come and the exit code that tells of it, or None.

    An exception does not tell enough: libraries make others of a `SignalInterrupt`.
    """
    return (WORDS[_received[0].name], 128 + _received[0]) if _received else None


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _received.append(signal.Signals(number))
    raise SignalInterrupt


def _repeat_lost_interrupt(found: "UnraisableHookArgs") -> None:
    """Send a signal again a moment later, where Python drops its exception: while it collects garbage, or in C."""
    if issubclass(found.exc_type, SignalInterrupt):
        threading.Timer(DELAY, _send_to_main_thread, [_received[-1]]).start()
    else:
        sys.__unraisablehook__(found)


def _send_to_main_thread(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:  # ends a call of the system that it waits in
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)
