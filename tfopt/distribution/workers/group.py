"""The workers that one process has started: it hears what they tell, and none of them outlives it."""

import contextlib
import json
import os
import pickle
import queue
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from tfopt.distribution.workers.job import Event, Job
from tfopt.runtime.processes import command, environment

LAST_LINES = 30
NATIVE = re.compile(r"[IWEF]\d{4} |WARNING: All log messages before")  # TensorFlow's own log lines
GRACE = 5.0  # seconds for a process that has lost its input


class Told(NamedTuple):
    """An event of a worker, a line that it wrote, or neither: then its process has ended."""

    rank: int
    event: Event | None = None
    line: str | None = None


class Process:
    """A running worker."""

    def __init__(self, job: Job, told: "queue.Queue[Told]", visible: str | None) -> None:
        self.rank = job.rank
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        quiet = {"PYTHONWARNINGS": "ignore"} if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3" else {}
        devices = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        self._popen = subprocess.Popen(
            command("tfopt.distribution.workers.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=False,
            env=environment(KERAS_BACKEND="tensorflow", **quiet, **devices),
            start_new_session=True,  # Ctrl-C reaches the parent only, which ends this one
        )
        self._told = told
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._log, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        with contextlib.suppress(BrokenPipeError):  # it has died, which is told
            assert self._popen.stdin is not None
            pickle.dump(job, self._popen.stdin)
            self._popen.stdin.flush()

    @property
    def code(self) -> int:
        """Its exit code, once it has ended; negative is the signal that ended it."""
        return self._popen.wait()

    def how(self) -> str:
        """How it ended, in words."""
        if self.code < 0:
            return f"was ended by signal {-self.code}"
        last = next((line for line in reversed(self.lines) if not NATIVE.match(line)), "it said nothing")
        return f"ended with code {self.code}: {last}"

    def end(self) -> None:
        """Kill it if it runs, and wait for it."""
        self._popen.kill()
        self._popen.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            with contextlib.suppress(BrokenPipeError):
                assert stream is not None
                stream.close()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with contextlib.suppress(ValueError):  # cut off by its death
                self._told.put(Told(self.rank, event=Event.model_validate(json.loads(line))))
        self._popen.wait()
        self._told.put(Told(self.rank))

    def _log(self) -> None:
        stream: IO[bytes] | None = self._popen.stderr
        assert stream is not None
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            self._told.put(Told(self.rank, line=line))


class Group:
    """Workers that run, by rank, and the queue of what they tell."""

    def __init__(self, processes: dict[int, Process], told: "queue.Queue[Told]") -> None:
        self.processes = processes
        self._told = told

    def hear(self, seconds: float) -> Told | None:
        """Wait for the next thing that is told, None if nothing is for so many seconds."""
        try:
            return self._told.get(timeout=seconds)
        except queue.Empty:
            return None


@contextlib.contextmanager
def started(jobs: Sequence[Job], visible: Sequence[str | None]) -> Iterator[Group]:
    """Run workers, each on the GPUs that are `visible` to it, and kill those that are left at the end."""
    told: queue.Queue[Told] = queue.Queue()
    group = Group({}, told)
    try:
        for job, gpus in zip(jobs, visible, strict=True):
            group.processes[job.rank] = Process(job, told, gpus)
        yield group
    finally:
        for process in group.processes.values():
            process.end()
