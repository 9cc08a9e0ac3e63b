"""What child processes are asked to do in tests."""

import atexit
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from pydantic import BaseModel

from tfopt.errors import InputError


class Answer(BaseModel):
    """A result."""

    text: str
    numbers: list[float]


def answers(progress, array, text):
    print("this is no report")
    return Answer(text=text, numbers=array.tolist())


def number(progress):
    return os.getpid()


def works(progress):
    progress.say("it begins")
    with progress.task("outer", 2) as advance:
        advance(1, "first")
        with progress.task("inner", None) as further:
            further()
        advance()


def refuses(progress, sentence):
    raise InputError(sentence)


def fails(progress):
    print("a line", file=sys.stderr)
    raise ValueError("no such axis")


def exits(progress, code, last):
    print(last, file=sys.stderr)
    sys.exit(code)


def crashes(progress):
    with progress.task("never done", 3) as advance:
        advance()
        os.kill(os.getpid(), signal.SIGSEGV)


def returns_and_crashes(progress, value):
    atexit.register(os.kill, os.getpid(), signal.SIGABRT)
    return value


def sleeps(progress, seconds):
    progress.say(str(os.getpid()))
    time.sleep(seconds)


def babbles(progress):
    """Say what a parent must not fall for."""
    for line in (
        "no JSON",
        "[1]",
        '{"kind": "exit"}',
        '{"kind": "error", "value": 3, "text": 4}',
        "[" * 10**6,
        "{" * 99,
    ):
        progress._stream.write(line + "\n")
    return "sane"


def modules(progress):
    return sorted(sys.modules)


def environment(progress):
    return dict(os.environ)


def leaves_files(progress):
    (Path(tempfile.gettempdir()) / "left").write_text("x")
    return tempfile.mkdtemp()


prepared = []


def prepare():
    prepared.append(os.getpid())


def was_prepared(progress):
    return prepared == [os.getpid()]
