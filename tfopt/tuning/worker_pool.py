"""Several processes on one study: each has its share of the processor, none outlives the one that started them."""

import contextlib
import os
import pickle
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO

import optuna
from filelock import FileLock
from optuna.trial import TrialState

from tfopt.data.dataset import Dataset
from tfopt.errors import TfoptError
from tfopt.runtime.processes import command, environment
from tfopt.tuning.study import Search, fail, lose

POLL = 0.3  # seconds
QUIET = {
    "KERAS_BACKEND": "tensorflow",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # the processes share a GPU
}


class Worker:
    """A running process and what it writes to its standard error."""

    def __init__(self) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command("tfopt.tuning.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            env=environment(**QUIET),
            start_new_session=True,  # Ctrl-C reaches the parent only, which ends this one
        )

    def give(self, payload: bytes) -> None:
        """Tell it what to do."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died: its exit code tells
            self.process.stdin.write(payload)
            self.process.stdin.flush()

    def last_words(self) -> str:
        """The last line it wrote."""
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def end(self) -> None:
        """Kill it if it runs."""
        self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()
        self.log.close()


def work(study: optuna.Study, search: Search, data: Dataset, watch: Callable[[], None]) -> None:
    """Let `parallel` processes work until no trial is left; `watch` is called again and again meanwhile.

    A trial whose process died has failed, and another process takes its place. Raises `TfoptError` if a process ended
    without any trial.
    """
    threads = max(1, (os.cpu_count() or 1) // search.config.parallel)
    payload = pickle.dumps((search, data, threads))
    with _started(min(search.config.parallel, search.most), payload) as workers:
        while workers:
            time.sleep(POLL)
            watch()
            for worker in [worker for worker in workers if worker.process.poll() is not None]:
                if worker.process.returncode:
                    _bury(study, search, worker)
                    workers.append(Worker())
                    workers[-1].give(payload)
                workers.remove(worker)
                worker.end()


@contextlib.contextmanager
def _started(count: int, payload: bytes) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for _ in range(count):
            workers.append(Worker())  # noqa: PERF401  # those that run are to end if the next cannot start
        for worker in workers:
            worker.give(payload)
        yield workers
    finally:
        for worker in workers:
            worker.end()


def _bury(study: optuna.Study, search: Search, worker: Worker) -> None:
    """End the trial of a process that died: it fails, or it is lost if it had not been taken altogether."""
    code, pid = worker.process.returncode, worker.process.pid
    how = f"was ended by signal {-code}" if code < 0 else f"ended: {worker.last_words()}"
    with FileLock(search.files.turn):
        trials = study.get_trials(deepcopy=False)
        if all(trial.user_attrs.get("pid") != pid for trial in trials):
            raise TfoptError(f"a process of --parallel {how} before its first trial")
        for trial in trials:
            if trial.state == TrialState.RUNNING and "slot" not in trial.user_attrs:
                lose(study, trial)
            elif trial.state == TrialState.RUNNING and trial.user_attrs["pid"] == pid:
                fail(study, trial, f"its process {how}")
