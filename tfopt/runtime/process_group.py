"""Child processes as their parent holds them: each calls a function, and a group of them reports what happens.

This is the only module that starts processes. A child imports the same tfopt as its parent and nothing from the current
folder, where a file `numpy.py` that came with a model would run; it has a temporary folder of its own, and it ends with
its parent.
"""

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tfopt.runtime.protocol import AHEAD, Call, Event, parsed, send
from tfopt.runtime.temporary_files import temporary_folder

HOME = str(Path(__file__).parents[2])  # where this tfopt was found
QUIET = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
NATIVE_LOG = re.compile(r"[IWEF]\d{4} |WARNING: All log messages before")  # TensorFlow's own lines
LAST_LINES = 30
LONGEST_LINE, LONGEST_REPORT = 2**14, 2**26  # bytes; a child that was taken over may write without an end
LONGEST_REASON = 200  # letters
GRACE = 5.0  # seconds in which the last lines of a process that has ended arrive


class Process:
    """A child that has been started, and what there is to know about its end.

    Attributes:
        late: Whether it was killed because it took too long.
        raised: The exception that its function has raised, as in "ValueError: no such axis"; empty if there was none.
    """

    def __init__(
        self, module: str, environment: Mapping[str, str], put: Callable[[Event], None], *, ahead: bool = False
    ) -> None:
        self.late = False
        self.raised = ""
        self._time_limit = 0.0
        self._put = put
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(temporary_folder())
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "tfopt.runtime.child", module, *([AHEAD] if ahead else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment({**environment, "TMPDIR": str(folder)}),
                start_new_session=True,  # Ctrl-C reaches the parent only, which ends this one
            )
            self._files = stack.pop_all()
        pipes = (self._popen.stdin, self._popen.stdout, self._popen.stderr)
        self._streams: tuple[IO[bytes], ...] = tuple(pipe for pipe in pipes if pipe)
        self._log = threading.Thread(target=self._read_lines, daemon=True)
        self._reader = threading.Thread(target=self._read_events, daemon=True)
        self._timer: threading.Timer | None = None
        self._log.start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._popen.pid

    @property
    def runs(self) -> bool:
        """True until it has ended."""
        return self._popen.poll() is None

    @property
    def code(self) -> int:
        """Its exit code, once it has ended; negative is the signal that ended it."""
        return self._popen.wait()

    @property
    def last_line(self) -> str:
        """The last line that it wrote to its standard error, but for TensorFlow's own log; empty if there is none."""
        return next((line for line in reversed(self._lines) if line and not NATIVE_LOG.match(line)), "")

    @property
    def ending(self) -> str:
        """Say how it ended, as the rest of a sentence."""
        if self.late:
            return f"took longer than {self._time_limit:g} s"
        if self.code < 0:
            return f"was ended by signal {-self.code}"
        reason = " ".join(self.raised.split())[:LONGEST_REASON] or self.last_line or "it said nothing"
        return f"ended with code {self.code}: {reason}"

    def give(self, call: Call) -> None:
        """Tell it which function to call and with what; one that has died meanwhile shows that by its exit."""
        if call.time_limit:
            self._time_limit = call.time_limit
            self._timer = threading.Timer(call.time_limit, self._stop)
            self._timer.daemon = True
            self._timer.start()
        with contextlib.suppress(BrokenPipeError):
            send(call, self._streams[0])

    def end(self) -> None:
        """Kill it if it runs, wait for it, and remove its temporary files."""
        self.rest()
        self._popen.kill()
        self._popen.wait()
        self._log.join()
        self._reader.join()
        for stream in self._streams:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._files.close()

    def rest(self) -> None:
        """Let it take as long as it likes, until it is given another call."""
        if self._timer:
            self._timer.cancel()

    def _stop(self) -> None:
        if self._popen.poll() is None:
            self.late = True
            self._popen.kill()

    def _read_events(self) -> None:
        while line := self._streams[1].readline(LONGEST_REPORT):
            event = parsed(line)
            if event is None:
                continue
            if event.kind == "error":
                self.raised = f"{event.value}: {event.text}"
            self._put(event)
        self._popen.wait()
        self._log.join(GRACE)
        self.rest()
        self._put(Event("exit"))

    def _read_lines(self) -> None:
        while raw := self._streams[2].readline(LONGEST_LINE):
            line = raw.decode(errors="replace").rstrip()
            self._lines.append(line)
            self._put(Event("line", line))


class ProcessGroup:
    """Children that run at once; those that are left at the end of the context are killed.

    Attributes:
        processes: All that were started, each by its number.
    """

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self._events: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill those that run, and remove the temporary files of all."""
        for process in self.processes.values():
            process.end()

    def start(
        self,
        number: int,
        target: str,
        *arguments: object,
        environment: Mapping[str, str] = QUIET,
        time_limit: float | None = None,
        orderly: bool = False,
        lasting: bool = False,
    ) -> Process:
        """Start a child, or give another call to one that waits.

        Args:
            number: Names it in events.
            target: The function that it calls, as "tfopt.module:function"; its first parameter is a `Progress`.
            arguments: The other arguments of that, which can be pickled.
            environment: Variables beside those of this process.
            time_limit: Seconds after which it is killed.
            orderly: Whether its end counts, too: libraries then clean up, which may take time or fail.
            lasting: Whether it waits for another call after its result.

        Returns:
            The process, which has been told what to do.
        """
        module, _, function = target.partition(":")
        if number not in self.processes:
            self.processes[number] = self._process(number, module, environment)
        self.processes[number].give(Call(function, arguments, time_limit, orderly, lasting))
        return self.processes[number]

    def start_ahead(self, number: int, module: str) -> None:
        """Start a child that imports what the functions of `module` need; `start` tells it then which one to call."""
        self.processes[number] = self._process(number, module, QUIET, ahead=True)

    def _process(self, number: int, module: str, environment: Mapping[str, str], *, ahead: bool = False) -> Process:
        return Process(module, environment, lambda event: self._events.put((number, event)), ahead=ahead)

    def next_event(self, seconds: float | None = None) -> tuple[int, Event] | None:
        """Wait for the next event of any child, at most so many seconds.

        Returns:
            The number of the child and the event, or None if there was none in time.
        """
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, with what is needed to find tfopt, and `more`."""
    places = [HOME, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)), **more}
