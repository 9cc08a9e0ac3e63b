"""A parent reads what its workers report: a progress bar, a failure to mend, or an error."""

import os
import time

from tfopt.distribution.workers.addresses import unreachable
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import InputError, WorkerError
from tfopt.runtime.process_group import NATIVE_LOG, ProcessGroup
from tfopt.runtime.progress import Progress
from tfopt.runtime.protocol import Event, TaskBars, error_of
from tfopt.training.fit import TRAINING_TASK

POLL_SECONDS = 0.5
CAUSE_SECONDS = 1.0  # in which it shows which worker has failed the others


class Supervisor:
    """Watches over one start of a group of workers.

    Args:
        workers: Who they are, and how long they may be silent.
        progress: Shows how far the first of them is, and what any of them writes.
        first: Whether this is their first start.

    Attributes:
        steps: How many steps of the training have been made.
        results: What workers have returned, by rank.
    """

    def __init__(self, workers: WorkersConfig, progress: Progress, *, first: bool) -> None:
        self.workers = workers
        self.progress = progress
        self.first = first
        self.steps = 0
        self.results: dict[int, object] = {}
        self._errors: dict[int, Event] = {}

    def wait(self, group: ProcessGroup) -> str | None:
        """Wait until all workers have done their work or one has failed.

        Args:
            group: The workers, by rank.

        Returns:
            Why the group must start again; None if all have done their work.

        Raises:
            TfoptError: If a worker has raised one that a new start would not mend.
            InputError: If they do not come together in time.
            WorkerError: If a worker has failed by itself.
        """
        running, ready = set(group.processes), set[int]()
        shown = min(running)
        heard = time.monotonic()
        with TaskBars(self.progress) as bars:
            while running:
                found = group.next_event(POLL_SECONDS)
                everybody = len(ready) == len(group.processes)
                if found is None:
                    if time.monotonic() - heard > self.workers.timeout:
                        return self._silence(group, everybody=everybody)
                    continue
                rank, event = found
                if event.kind == "exit":
                    running.discard(rank)
                    if group.processes[rank].code:
                        return self._failure(group, rank, everybody=everybody)
                elif event.kind == "line":
                    self._say(rank, event.text)
                else:
                    heard = time.monotonic()
                    if event.kind == "ready":
                        ready.add(rank)
                    elif event.kind == "result":
                        self.results[rank] = event.value
                    elif event.kind == "error":
                        self._errors[rank] = event
                    elif rank == shown and event.kind != "say":
                        self._show(event, bars)
        return None

    def _show(self, event: Event, bars: TaskBars) -> None:
        if event.kind == "task" and event.text == TRAINING_TASK:
            self.steps = 0
        elif event.kind == "step" and bars.current == TRAINING_TASK:
            self.steps += event.steps or 0
        bars.show(event)

    def _say(self, rank: int, line: str) -> None:
        if line and not (NATIVE_LOG.match(line) and os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3"):
            self.progress.say(f"[worker {rank}] {line}")

    def _failure(self, group: ProcessGroup, rank: int, *, everybody: bool) -> str:
        """Why they must start again, if that may help; of several that have failed the one that was killed counts."""
        until = time.monotonic() + CAUSE_SECONDS
        while group.processes[rank].code > 0 and time.monotonic() < until:
            other, event = group.next_event(until - time.monotonic()) or (rank, None)
            if event and event.kind == "error":
                self._errors[other] = event
            elif event and event.kind == "exit" and group.processes[other].code < 0:
                rank = other
        process, event = group.processes[rank], self._errors.get(rank)
        error = error_of(event) if event else None
        if error and not isinstance(error, WorkerError):
            if not self.first and not everybody:  # those who are ahead may still hold on to what was before
                return str(error)
            raise error
        if process.code < 0:
            return f"worker {rank} {process.ending}"
        if error:
            return f"worker {rank} failed ({error})"
        raise WorkerError(f"worker {rank} {process.ending}")

    def _silence(self, group: ProcessGroup, *, everybody: bool) -> str:
        """Why they must start again after they have been silent for too long."""
        if everybody:
            return f"the workers have been silent for {self.workers.timeout:g} s"
        if self.first:
            raise InputError(self._missing(group))
        return self._missing(group)

    def _missing(self, group: ProcessGroup) -> str:
        """Who has not come, as far as can be seen from here."""
        limit = f"the workers have not come together within {self.workers.timeout:g} s"
        if isinstance(self.workers.workers, int):
            last = [process.last_line for process in group.processes.values() if process.last_line]
            return f"{limit}: {last[-1] if last else 'they say nothing'}"
        assert self.workers.rank is not None
        missing = unreachable(self.workers.workers, self.workers.rank)
        if missing:
            return f"{limit}: nobody answers at {', '.join(missing)}"
        return f"{limit}, though all answer; every worker needs the same `workers` and a `rank` of its own"
