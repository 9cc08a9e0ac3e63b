"""What a parent makes of what its workers tell: a progress bar, a failure to mend, or an error to report."""

import os
import time
from contextlib import ExitStack

from tfopt import errors
from tfopt.distribution.workers.addresses import unreachable
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.distribution.workers.group import NATIVE, Group
from tfopt.distribution.workers.job import Event
from tfopt.errors import InputError, TfoptError, WorkerError
from tfopt.runtime.progress import Advance, Progress
from tfopt.training.fit import TRAINING_TASK

POLL = 0.5  # seconds
CAUSE = 1.0  # seconds in which it shows which worker has failed the others


class Watch:
    """One start of a group, from the first word of a worker to the end of all; `steps` counts those of the training."""

    def __init__(self, workers: WorkersConfig, progress: Progress, *, first: bool) -> None:
        self.workers = workers
        self.progress = progress
        self.first = first
        self.steps = 0
        self._bars: list[tuple[str, ExitStack, Advance]] = []
        self._failures: dict[int, Event] = {}

    def until_the_end(self, group: Group) -> str | None:
        """Return why the group must start again, or None if all have done their work.

        Raises the error of a worker, or `InputError` if they do not come together in time.
        """
        running, started = set(group.processes), set[int]()
        shown = min(running)
        heard = time.monotonic()
        try:
            while running:
                told = group.hear(POLL)
                everybody = len(started) == len(group.processes)
                if told and told.event:
                    heard = time.monotonic()
                    if told.event.kind == "started":
                        started.add(told.rank)
                    elif told.event.kind == "failed":
                        self._failures[told.rank] = told.event
                    elif told.rank == shown:
                        self._show(told.event)
                elif told and told.line is not None:
                    self._say(told.rank, told.line)
                elif told:
                    running.discard(told.rank)
                    if group.processes[told.rank].code:
                        return self._failure(group, told.rank, everybody=everybody)
                elif time.monotonic() - heard > self.workers.timeout:
                    if everybody:
                        return f"the workers have been silent for {self.workers.timeout:g} s"
                    if self.first:
                        raise InputError(self._missing(group))
                    return self._missing(group)
        finally:
            while self._bars:
                self._bars.pop()[1].close()
        return None

    def _show(self, event: Event) -> None:
        if event.kind == "task":
            stack = ExitStack()
            self._bars.append((event.text, stack, stack.enter_context(self.progress.task(event.text, event.count))))
            self.steps = 0 if event.text == TRAINING_TASK else self.steps
        elif event.kind == "steps" and self._bars:
            name, _, advance = self._bars[-1]
            advance(event.count or 0, event.text)
            self.steps += (event.count or 0) * (name == TRAINING_TASK)
        elif event.kind == "end" and self._bars:
            self._bars.pop()[1].close()

    def _say(self, rank: int, line: str) -> None:
        if line and not (NATIVE.match(line) and os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3"):
            self.progress.say(f"[worker {rank}] {line}")

    def _failure(self, group: Group, rank: int, *, everybody: bool) -> str:
        """Why they must start again, if that may help; of several that have failed the one that was killed counts."""
        until = time.monotonic() + CAUSE
        while group.processes[rank].code > 0 and time.monotonic() < until:
            told = group.hear(until - time.monotonic())
            if told and told.event and told.event.kind == "failed":
                self._failures[told.rank] = told.event
            elif told and told.line is None and not told.event and group.processes[told.rank].code < 0:
                rank = told.rank
        code, failure = group.processes[rank].code, self._failures.get(rank)
        if failure and failure.error:
            if not self.first and not everybody:  # those who are ahead may still hold on to what was before
                return failure.text
            mistake: type[TfoptError] = getattr(errors, failure.error)
            raise mistake(failure.text)
        if code < 0:
            return f"worker {rank} {group.processes[rank].how()}"
        if failure:
            return f"worker {rank} failed ({failure.text})"
        raise WorkerError(f"worker {rank} {group.processes[rank].how()}")

    def _missing(self, group: Group) -> str:
        """Who has not come, as far as can be seen from here."""
        limit = f"the workers have not come together within {self.workers.timeout:g} s"
        if isinstance(self.workers.workers, int):
            last = [process.lines[-1] for process in group.processes.values() if process.lines]
            return f"{limit}: {last[-1] if last else 'they say nothing'}"
        assert self.workers.rank is not None
        missing = unreachable(self.workers.workers, self.workers.rank)
        if missing:
            return f"{limit}: nobody answers at {', '.join(missing)}"
        return f"{limit}, though all answer; every worker needs the same --workers and a --rank of its own"
