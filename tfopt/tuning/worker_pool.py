"""Several processes on one study: each has its share of the processor and takes trials until there are none."""

import itertools
import os
from collections.abc import Callable

import optuna
from filelock import FileLock
from optuna.trial import TrialState

from tfopt.data.dataset import Dataset
from tfopt.errors import TfoptError
from tfopt.runtime.process_group import QUIET, Process, ProcessGroup
from tfopt.runtime.progress import Progress, Silent
from tfopt.tuning.study import Search, claim, fail, joined, lose, silenced

POLL_SECONDS = 0.3
ENVIRONMENT = {**QUIET, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}  # the processes share a GPU


def run_in_parallel(study: optuna.Study, search: Search, data: Dataset, watch: Callable[[], None]) -> None:
    """Let several processes work on a study until no trial is left.

    A trial whose process died has failed, and another process takes its place.

    Args:
        study: The study.
        search: The same, for other processes; its config says how many there are.
        data: What trials train on; they do not see its test split.
        watch: Is called again and again meanwhile.

    Raises:
        TfoptError: If a process ended before its first trial.
    """
    threads = max(1, (os.cpu_count() or 1) // search.config.parallel)
    call = (f"{__name__}:run_trials", search, data.without_test(), threads)
    numbers = itertools.count()
    with ProcessGroup() as group:
        running = min(search.config.parallel, search.most)
        for _ in range(running):
            group.start(next(numbers), *call, environment=ENVIRONMENT)
        while running:
            found = group.next_event(POLL_SECONDS)
            if found is None or found[1].kind == "exit":
                watch()
            if found and found[1].kind == "exit":
                process = group.processes[found[0]]
                if process.code:
                    _end_trials_of(process, study, search)
                    group.start(next(numbers), *call, environment=ENVIRONMENT)
                else:
                    running -= 1


def run_trials(_progress: Progress, search: Search, data: Dataset, threads: int) -> None:
    """Take trials of a study until there are none, in a process that another has started.

    If that ends, this one does so too, and leaves its trial to be taken again.

    Args:
        _progress: Is told nothing: the parent looks at the study.
        search: The study.
        data: What trials train on.
        threads: The share of the processor.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from tfopt.tuning.trial import run

    with silenced():
        study = joined(search)
        while not search.over and (claimed := claim(study, search)) is not None:
            run(study, search, *claimed, data, Silent())


def _end_trials_of(process: Process, study: optuna.Study, search: Search) -> None:
    """End the trial of a process that died: it fails, or it is lost if it had not been taken altogether."""
    with FileLock(search.files.turn):
        trials = study.get_trials(deepcopy=False)
        if all(trial.user_attrs.get("pid") != process.pid for trial in trials):
            raise TfoptError(f"a process of `parallel` {process.ending} before its first trial")
        for trial in trials:
            if trial.state == TrialState.RUNNING and "slot" not in trial.user_attrs:
                lose(study, trial)
            elif trial.state == TrialState.RUNNING and trial.user_attrs["pid"] == process.pid:
                fail(study, trial, f"its process {process.ending}")
