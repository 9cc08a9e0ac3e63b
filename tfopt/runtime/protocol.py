"""A parent and a child process talk to each other: a call goes in, reports of what happens come back.

The call is pickled, because the parent can be trusted. A report is a line of JSON: a child handles files of strangers,
and one that such a file has taken over must not be able to harm its parent. What is no report is passed over.
"""

import contextlib
import json
import os
import pickle
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Literal, NamedTuple, Self, TextIO, get_args

from tfopt import errors
from tfopt.errors import TfoptError
from tfopt.runtime.progress import Advance, Progress

Report = Literal["ready", "task", "step", "end", "say", "result", "error"]
Kind = Literal[Report, "line", "exit"]
AHEAD = "--ahead"  # a child with this argument imports what it needs before it is told what to do


class Call(NamedTuple):
    """Holds a function of the module that the command line of a child names, and its arguments.

    The child ends by itself after twice `time_limit` seconds. An `orderly` end lets libraries clean up after
    themselves; else the process is gone at once, even if threads of a library wait for something. After the result of
    a `lasting` call it waits for the next one.
    """

    function: str
    arguments: tuple[object, ...]
    time_limit: float | None
    orderly: bool = False
    lasting: bool = False


LENGTH = struct.Struct("<Q")  # bytes of a call, before it
MOST_AT_ONCE = 2**20


def send(call: Call, stream: IO[bytes]) -> None:
    """Write a call."""
    payload = pickle.dumps(call, pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def receive(descriptor: int) -> bytes | None:
    """Wait for the next call, to be unpickled; None if the stream has ended."""
    header = _read(descriptor, LENGTH.size)
    return header and _read(descriptor, LENGTH.unpack(header)[0])


def _read(descriptor: int, size: int) -> bytes | None:
    """Read so many bytes, without a lock that would be held when the process ends; None if they do not all come."""
    found = bytearray()
    while len(found) < size:
        part = os.read(descriptor, min(size - len(found), MOST_AT_ONCE))
        if not part:
            return None
        found += part
    return bytes(found)


class Event(NamedTuple):
    """Something that a child reports.

    `ready`: it is prepared. `task`: one that is named `text` begins, of so many `steps` if that is known. `step`: that
    many of them are done, now at `text`. `end`: of that task. `say`: the sentence `text`. `result`: the function has
    returned `value`. `error`: it has raised the class that `value` names, with the message `text`. The parent adds two:
    a `line` that the child wrote to its standard error, and its `exit`.
    """

    kind: Kind
    text: str = ""
    steps: int | None = None
    value: object = None


class ParentProgress:
    """A `Progress` that the parent process shows."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def report(self, event: Event) -> None:
        """Send an event as a line."""
        self._stream.write(json.dumps(event._asdict()) + "\n")
        self._stream.flush()

    def ready(self) -> None:
        """Say that all is prepared for the work."""
        self.report(Event("ready"))

    def say(self, sentence: str) -> None:
        """Have a line shown that is no part of a report."""
        self.report(Event("say", sentence))

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Have a task shown while the context lasts."""
        self.report(Event("task", description, total))
        try:
            yield lambda steps=1, detail="": self.report(Event("step", detail, steps))
        finally:
            self.report(Event("end"))


def parsed(line: bytes) -> Event | None:
    """Read a line of a child; None if that is no report, as one that its death has cut off."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        event = Event(**json.loads(line))
        if event.kind in get_args(Report) and isinstance(event.text, str) and isinstance(event.steps, int | None):
            return event
    return None


def error_of(event: Event) -> TfoptError | None:
    """The error of tfopt's own that a child has reported; None if it is another one."""
    found = getattr(errors, str(event.value), None)
    if isinstance(found, type) and issubclass(found, TfoptError):
        return found(event.text)
    return None


class TaskBars:
    """Shows the tasks of a child as tasks of this process; those that it leaves open end with the context."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: list[tuple[str, contextlib.ExitStack, Advance]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            self._open.pop()[1].close()

    @property
    def current(self) -> str:
        """The name of the innermost task; empty if there is none."""
        return self._open[-1][0] if self._open else ""

    def show(self, event: Event) -> None:
        """Show an event, if there is something to see."""
        if event.kind == "task":
            stack = contextlib.ExitStack()
            self._open.append((event.text, stack, stack.enter_context(self._progress.task(event.text, event.steps))))
        elif event.kind == "step" and self._open:
            self._open[-1][2](event.steps or 0, event.text)
        elif event.kind == "end" and self._open:
            self._open.pop()[1].close()
        elif event.kind == "say":
            self._progress.say(event.text)
