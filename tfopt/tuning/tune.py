"""Tuning, from a config to the best model: the study is opened, its trials run, the winner measured on the test split.

The test split is used once, for the model that did best on the validation split. The winning score of a search is too
good to be true, because it is the highest of many; the test accuracy of the report is not.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import get_args

import optuna

from tfopt.config.choices import Arch
from tfopt.core.provenance import provenance_of
from tfopt.core.result import report_of
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.models.architectures import build, default_arch
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.report.schema import Report, TrialResult
from tfopt.runtime.locks import locked
from tfopt.runtime.progress import Advance, Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.results import FEWEST_TRIALS, importances, results
from tfopt.tuning.search_space import Space, train_config
from tfopt.tuning.study import Search, best, claim, ended, opened, silenced
from tfopt.tuning.study_files import StudyFiles
from tfopt.tuning.trial import run
from tfopt.tuning.worker_pool import run_in_parallel
from tfopt.typing import Json


def tune(
    config: TuneConfig, data: Dataset, files: StudyFiles | None, name: str, progress: Progress
) -> tuple[KerasArtifact, Report]:
    """Run the trials that are missing, and return the best model of all with the report."""
    archs = fitting(config, Signature.of(data))
    with _kept(files) as files, silenced():
        search = Search(config, Space(archs, data.kind, data.task, config.search == "grid"), files)
        study = opened(search, _asked(search, data))
        deadline = time.time() + config.timeout if config.timeout else None
        _run_all(study, search._replace(deadline=deadline), data, progress)
        winner = best(study)
        if winner is None:
            raise InputError(_nothing(study, search))
        made = train_config(config, winner.user_attrs["point"])
        model = KerasArtifact.load(files.model(winner.number)).model
        trials, weighed = results(study, search), importances(study, config.seed)
    artifact = KerasArtifact.from_model(model, name, provenance_of(data, "tune", made))
    report = report_of("tune", config, data, [artifact], progress, notes=_notes(search, trials, weighed))
    return artifact, report.model_copy(update={"trials": trials, "importances": weighed})


def fitting(config: TuneConfig, signature: Signature) -> tuple[Arch, ...]:
    """The architectures to try; raise `InputError` if the one asked for does not fit the data."""
    if config.arch != "any":
        arch = config.arch or default_arch(signature)
        build(ModelConfig(arch=arch, size="tiny"), signature)
        return (arch,)
    archs: tuple[Arch, ...] = get_args(Arch)
    return tuple(arch for arch in archs if _fits(arch, signature))


def _fits(arch: Arch, signature: Signature) -> bool:
    try:
        build(ModelConfig(arch=arch, size="tiny"), signature)
    except InputError:
        return False
    return True


@contextlib.contextmanager
def _kept(files: StudyFiles | None) -> Iterator[StudyFiles]:
    """The files of the search, held by this process alone; those of a search that nobody will resume are temporary."""
    with contextlib.ExitStack() as stack:
        if files is None:
            files = StudyFiles(stack.enter_context(temporary_folder()) / "tune.db")
        files.refuse()
        stack.enter_context(locked(files.lock, f"another process is at work on {files.path}"))
        try:
            yield files
        finally:
            with contextlib.suppress(OSError):  # Windows does not remove what is open
                files.turn.unlink(missing_ok=True)


def _asked(search: Search, data: Dataset) -> Json:
    """Return what a search must have in common with one that it goes on with."""
    asked = search.config.model_dump(mode="json", exclude={"trials", "timeout", "parallel", "arch"})
    source = data.config.model_dump(mode="json", exclude={"source"})
    space = {"arch": list(search.space.archs), "space": search.space.described()}
    return {**asked, **source, "data": data.fingerprint, **space}


def _run_all(study: optuna.Study, search: Search, data: Dataset, progress: Progress) -> None:
    with progress.task("trials", search.most) as advance:
        watch = _Watch(study, search, advance)
        watch()
        if search.config.parallel > 1:
            run_in_parallel(study, search, data, watch)
        else:
            while not search.over and (claimed := claim(study, search)) is not None:
                run(study, search, *claimed, data, progress)
                watch()


class _Watch:
    """Moves a bar on to the number of trials that have ended, and shows which one runs and the best score."""

    def __init__(self, study: optuna.Study, search: Search, advance: Advance) -> None:
        self.study = study
        self.search = search
        self.advance = advance
        self.shown = 0

    def __call__(self) -> None:
        """Look at the study."""
        winner, count = best(self.study), len(ended(self.study))
        found = f", best {winner.value:.4g} in trial {winner.user_attrs['slot'] + 1}" if winner else ""
        self.advance(count - self.shown, running(count, self.search.most, self.search.config.parallel) + found)
        self.shown = count


def running(done: int, most: int, parallel: int) -> str:
    """Say which trials run when so many are done.

    >>> running(1, 5, 1), running(3, 5, 4), running(5, 5, 1)
    ('trial 2 of 5', 'trials 4 to 5 of 5', '5 of 5 trials done')
    """
    first, last = done + 1, min(done + parallel, most)
    if first > last:
        return f"{done} of {most} trials done"
    return f"trial {first} of {most}" if first == last else f"trials {first} to {last} of {most}"


def _nothing(study: optuna.Study, search: Search) -> str:
    trials = results(study, search)
    failed = [trial for trial in trials if trial.state == "failed"]
    if failed:
        return f"all {len(failed)} trials failed, the first because {failed[0].reason}"
    return f"no trial ended within `timeout` {search.config.timeout:g}s; `resume` with more time goes on"


def _notes(search: Search, trials: list[TrialResult], weighed: dict[str, float]) -> list[str]:
    notes = []
    if search.size:
        covered = f"{len(trials)} of the {search.size} points of the grid were tried"
        notes.append(covered if len(trials) >= search.size else f"{covered}, in random order")
    if len(trials) < search.most:
        notes.append(f"`timeout` ended the search after {len(trials)} of {search.most} trials")
    complete = sum(trial.state == "complete" for trial in trials)
    notes.append(
        f"the best of {len(trials)} trials on the validation split was chosen, which flatters its score there; the test"
        " split was used for this one model only"
    )
    if weighed:
        common = ", of the options that all of them have" if len(search.space.archs) > 1 else ""
        notes.append(f"importance is a rough estimate: it rests on {complete} complete trials{common}")
    elif len(trials) >= FEWEST_TRIALS:
        notes.append(f"no importance of options: {complete} complete trials, with different scores, are too few")
    return notes
