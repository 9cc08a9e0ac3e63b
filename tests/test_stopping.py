"""A signal ends a command wherever it comes, and whatever a library makes of it."""

import signal
import subprocess
import sys

import pytest

from tests.test_bad_input import heeding_interrupts
from tfopt.runtime import signals

SWALLOWED = """
import gc, os, signal, time, weakref
from tfopt.runtime import signals
class Thing: pass
signals.install_handlers()
thing = Thing()
seen = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{name}))
try:
    del thing
    print("went on", flush=True)
    time.sleep(20)
except signals.SignalInterrupt:
    print("stopped", signals.received_signal())
"""


@pytest.mark.parametrize(("name", "word"), [("SIGINT", "interrupted"), ("SIGTERM", "terminated")])
def test_a_signal_while_python_collects_garbage_is_not_lost(name, word):
    ended = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(name=name)], capture_output=True, text=True, timeout=10, check=False,
        preexec_fn=heeding_interrupts,
    )  # fmt: skip
    code = 128 + getattr(signal, name)
    assert ended.stdout == f"went on\nstopped ('{word}', {code})\n"
    assert ended.stderr == ""


def test_what_a_library_makes_of_an_interruption_is_one(tfopt, monkeypatch):
    def fail(*_, **__):
        monkeypatch.setattr(signals, "_received", [signal.SIGINT])
        raise RuntimeError("the schema could not be built")

    monkeypatch.setattr("tfopt.api.load_dataset", fail)
    ended = tfopt("train", "-o", "m.keras")
    assert (ended.code, ended.err.count("\n")) == (130, 1)
    assert ended.err.startswith("error: interrupted; ")


def test_a_signal_that_is_ignored_stays_so(monkeypatch):
    set_to = {}
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN if number == signal.SIGHUP else None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: set_to.update({number: handler}))
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    signals.install_handlers()
    assert not set_to
