"""The study: trials in a file that survives the process, and who takes the next one.

A trial has a slot, its place in the table. What is tried in a slot follows from the seed, the slot and the trials that
have ended, so that a search that was killed goes on as an undisturbed one: a trial without an end is lost, and its slot
is taken again. No process works on it any more, because the one that runs a search holds a lock and its workers end
within a moment of it; a heartbeat would have to wait for silence.

Random search: Bergstra & Bengio 2012. Bayesian search: tree-structured Parzen estimators (Bergstra et al. 2011), over
all options at once and for each architecture apart (Watanabe 2023, arXiv:2304.11127). A bad trial is stopped where it
is below the median of those before it at the same epoch (Golovin et al. 2017, section 3.3); Hyperband (Li et al. 2018)
would split so few trials into brackets of a handful each.
"""

import contextlib
import os
import sqlite3
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
import sqlalchemy
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState

from tfopt.errors import InputError
from tfopt.evaluation.metrics.metric import Metric
from tfopt.evaluation.metrics.named import find_metric
from tfopt.tasks.registry import rules_of
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.search_space import Point, Space
from tfopt.tuning.study_files import StudyFiles
from tfopt.typing import Json

NAME = "tfopt"
WAIT = 60.0  # seconds, for another process that writes
STARTUP = 8  # trials drawn at random before a model of their scores is of use
UNPRUNED = 5  # trials that end before one is stopped early
MEASURES: dict[str, str] = {
    "classification": "accuracy",
    "segmentation": "accuracy",
    "multi-label": "accuracy",
    "translation": "loss",
}


class Search(NamedTuple):
    """Holds what every process that works on a study must know."""

    config: TuneConfig
    space: Space
    files: StudyFiles
    deadline: float | None = None

    @property
    def measure(self) -> str:
        """Return what trials are judged by on the validation split: accuracy, mae, loss, or the name of a metric."""
        return self.metric.name if self.metric else MEASURES.get(self.space.task, "mae")

    @property
    def metric(self) -> Metric | None:
        """Return the metric that was asked for."""
        return find_metric(self.config.metric, rules_of(self.space.task))

    @property
    def upward(self) -> bool:
        """Return whether a higher score is better."""
        return self.metric.higher_is_better if self.metric else self.measure == "accuracy"

    @property
    def over(self) -> bool:
        """Return whether the time is up."""
        return self.deadline is not None and time.time() > self.deadline

    @property
    def size(self) -> int | None:
        """Number of points of the grid; None of a search without one."""
        return len(self.space.grid()) if self.config.search == "grid" else None

    @property
    def most(self) -> int:
        """Number of trials at most."""
        return min(self.config.trials, self.size or self.config.trials)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep Optuna from printing, and from warning that what is used here may change in its next versions."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def opened(search: Search, asked: Json) -> optuna.Study:
    """Open or create the study of a search; raise `InputError` if it is of another one than was `asked` for."""
    search.files.sweep()
    if not search.files.resume:
        search.files.clear()
    if not search.files.path.exists():
        _create(search)
    try:
        study = joined(search)
        before = study.user_attrs.get("asked")
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise InputError(f"{search.files.path} is no search or is damaged; use `force` to start over") from error
    if before is None:
        study.set_user_attr("asked", asked)
    elif before != asked:
        names = sorted(name for name in {*before, *asked} if before.get(name) != asked.get(name))
        raise InputError(
            f"{search.files.path} belongs to a search with another {', '.join(names)}; repeat its options to resume it,"
            " or use `force` to start over"
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        lose(study, trial)
    return study


def _create(search: Search) -> None:
    storage = _storage(search.files.begun)
    direction = "maximize" if search.upward else "minimize"
    optuna.create_study(storage=storage, study_name=NAME, direction=direction)
    storage.remove_session()
    storage.engine.dispose()
    search.files.begun.replace(search.files.path)


def joined(search: Search) -> optuna.Study:
    """Open the study of a search that another process has created."""
    return optuna.load_study(storage=_storage(search.files.path), study_name=NAME)


def _storage(file: Path) -> optuna.storages.RDBStorage:
    path = str(file.absolute())

    def connection() -> sqlite3.Connection:
        made = sqlite3.connect(path, timeout=WAIT, check_same_thread=False)
        made.execute("PRAGMA journal_mode = WAL")  # survives a kill without waiting for the disk a dozen times a trial
        made.execute("PRAGMA synchronous = NORMAL")
        return made

    url = sqlalchemy.URL.create("sqlite", database=path).render_as_string(hide_password=False)
    return optuna.storages.RDBStorage(url, engine_kwargs={"creator": connection})


def claim(study: optuna.Study, search: Search) -> tuple[optuna.Trial, Point] | None:
    """Take the next free slot, and return its trial with what is to be tried; None if there is none left."""
    with FileLock(search.files.turn):
        taken = {trial.user_attrs["slot"] for trial in counted(study)}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        if slot >= search.most:
            return None
        study.sampler = _sampler(search, slot)
        study.pruner = optuna.pruners.MedianPruner(UNPRUNED, n_warmup_steps=max(1, search.config.epochs // 5))
        trial = study.ask()
        point = search.space.suggested(trial)
        trial.set_user_attr("point", point)
        trial.set_user_attr("pid", os.getpid())
        trial.set_user_attr("slot", slot)
        return trial, point


def _sampler(search: Search, slot: int) -> optuna.samplers.BaseSampler:
    seed = int(np.random.SeedSequence([search.config.seed, slot]).generate_state(1)[0])
    match search.config.search:
        case "random":
            return optuna.samplers.RandomSampler(seed)
        case "bayes":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP)
        case "grid":
            # Optuna's GridSampler crosses the options of one architecture with those of all others.
            points = search.space.grid()
            order = np.random.default_rng(search.config.seed).permutation(len(points))
            return optuna.samplers.PartialFixedSampler(points[order[slot]], optuna.samplers.RandomSampler(seed))


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that hold a slot, ended or running, by slot."""
    reasons = study.user_attrs
    held = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if "slot" in trial.user_attrs and (trial.state != TrialState.FAIL or failure(trial) in reasons)
    ]
    return sorted(held, key=lambda trial: int(trial.user_attrs["slot"]))


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that have ended, by slot."""
    return [trial for trial in counted(study) if trial.state.is_finished()]


def failure(trial: FrozenTrial | optuna.Trial) -> str:
    """Under which name the study keeps why a trial failed; its process may be gone, so that the trial cannot say."""
    return f"failure {trial.number}"


def fail(study: optuna.Study, trial: FrozenTrial | optuna.Trial, reason: str) -> None:
    """End a trial that has no model; it keeps its slot."""
    study.set_user_attr(failure(trial), reason)
    study.tell(trial.number, state=TrialState.FAIL)


def lose(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    """End a trial that was cut off by the end of its process or of the time; its slot is free again."""
    study.tell(trial.number, state=TrialState.FAIL)


def best(study: optuna.Study) -> FrozenTrial | None:
    """The complete trial with the best score; of equal ones the one with the smallest model, then the earliest."""
    complete = [trial for trial in counted(study) if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: rank(study, trial.value, trial.user_attrs), default=None)


def rank(study: optuna.Study, score: float | None, attributes: Json) -> tuple[float, int, int]:
    """Return what trials are ordered by, best first."""
    assert score is not None
    upward = study.direction == optuna.study.StudyDirection.MAXIMIZE
    return -score if upward else score, attributes["weights"], attributes["slot"]
