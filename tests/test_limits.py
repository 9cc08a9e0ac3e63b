"""Limits of time: they are kept to by what catches every exception, and leave the timers of others alone."""

import signal
import time

import pytest

from tfopt.errors import InputError
from tfopt.untrusted import limits
from tfopt.untrusted.limits import time_limit

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on Windows")


def test_what_catches_an_exception_is_told_again(monkeypatch):
    monkeypatch.setattr(limits, "REPEAT_SECONDS", 0.05)
    swallowed = []

    def stubborn():
        while len(swallowed) < 2:
            try:
                time.sleep(3)
            except InputError as error:
                swallowed.append(error)
        time.sleep(3)

    with pytest.raises(InputError, match="took longer than"), time_limit(0.05, "m.keras"):
        stubborn()
    assert len(swallowed) == 2


def test_it_is_the_time_that_is_told_whatever_a_library_makes_of_it():
    def busy():
        while True:
            pass

    def wrapped():
        try:
            busy()
        except InputError:
            failed = True
        if failed:
            raise TypeError("the layer could not be deserialized")

    with pytest.raises(InputError, match="took longer than"), time_limit(0.05, "m.keras"):
        wrapped()


def test_the_timer_of_somebody_else_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    try:
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with time_limit(60, "m.keras"):
            time.sleep(0.1)
        time.sleep(0.4)
        assert len(rung) == 1
        assert 0.25 < rung[0] - began < 0.5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_time_in_which_a_busy_machine_did_other_work_does_not_count():
    with time_limit(0.2, "m.keras"):
        time.sleep(0.8)  # as if others had computed

    def spin():
        while True:
            pass

    with pytest.raises(InputError, match="took longer than"), time_limit(0.2, "m.keras"):
        spin()
