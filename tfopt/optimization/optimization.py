"""Optimize a model: search for files, measure those of the front once on the test split, and write them with recipes.

model-optimized/
  model-optimized.tflite      the file that was chosen
  front.json                  the front, and what was tried
  point-1.tflite, .yaml       each file of the front, and the recipe that makes it again
  steps/, tables/             what was made on the way, from which a run that was stopped goes on
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfopt.config.run import FolderConfig
from tfopt.core.hashes import sha256
from tfopt.core.provenance import DataLike, data_for
from tfopt.core.result import Result, report_of
from tfopt.core.run_folder import RunFolder
from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, OutputError
from tfopt.evaluation.limits import WORSE_GROWTH, WORSE_POINTS, Limit, limit_for
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load_keras
from tfopt.optimization.candidate import Candidate
from tfopt.optimization.config import Goal, OptimizeConfig
from tfopt.optimization.deadline import Deadline
from tfopt.optimization.front import front_of, points_of, recipe_of
from tfopt.optimization.pick import FRONT, report_json
from tfopt.optimization.prediction import rank_correlation
from tfopt.optimization.search import Search
from tfopt.report.changes import Comparison
from tfopt.report.schema import GateResult, Report
from tfopt.runtime.process_state import preserved
from tfopt.runtime.progress import Progress, Silent
from tfopt.targets.registry import find_target

RESULT = "-optimized"
MEASURED, MEASURING = 0.1, 30.0  # of the time, and seconds, that measuring the front takes at most
GATES: dict[Goal, str] = {"size": "max-size", "latency": "max-ms", "ram": "ram", "flash": "flash", "macs": "macs"}


@preserved()
def optimize(
    model: ModelLike,
    config: OptimizeConfig | None = None,
    data: DataLike | None = None,
    *,
    folder: FolderConfig | None = None,
    progress: Progress | None = None,
) -> Result:
    """Search for the smallest, fastest or leanest file of a model within what may be lost.

    Args:
        model: A Keras model.
        config: What is asked for.
        data: The data; None for what the model remembers.
        folder: Where everything is written, and whether an earlier search is gone on with; None for a folder that is
            called as the model, as model-optimized.
        progress: Shows how far the work is.

    Returns:
        The file that was chosen, or the nearest if none keeps to the limits; `report.front` are the files of which none
        is cheaper and loses less as well, and `companions` these files.

    Raises:
        InputError: If there are no data, or nothing can be made of the model.
        OutputError: If the folder is that of another model or run.
    """
    config, where, progress = config or OptimizeConfig(), folder or FolderConfig(), progress or Silent()
    if type(config) is not OptimizeConfig:
        raise InputError(f"`config` must be an OptimizeConfig, not {type(config).__name__}")
    deadline = Deadline(progress, config.time and _searching(config.time))
    source = load_keras(model)
    dataset, notes = data_for(source, data, progress)
    if dataset is None:
        raise InputError(
            f"`optimize` judges what it makes, and {source.name} does not say which data it was trained on: give `data`"
            " NAME or `data` FILE.npz"
        )
    limit = _limit(config, dataset)
    target = find_target(config.device) if config.device else None
    if target:
        target.source()  # refuses before the work if a package is missing
    kept = _folder(source, where)
    with kept.held():
        kept.write({})
        search = Search(config, source, dataset, target, limit, kept, deadline)
        search.run()
        if not search.made:
            raise InputError(f"nothing was made of {source.name}: {'; '.join(search.notes)}")
        asked = dataset.config if data is not None and not dataset.config.in_memory else None
        path = str(model) if isinstance(model, str | Path) else None
        return _finished(search, notes, path, asked, progress)


def _searching(seconds: float) -> float:
    """Return the seconds of a time that are for the search; the rest is for measuring what was found."""
    return max(seconds - max(MEASURED * seconds, MEASURING), seconds / 2)


def _limit(config: OptimizeConfig, data: Dataset) -> Limit:
    """Return the limit on what is lost: the usual one is tighter than that of a technique that stands alone."""
    limit = limit_for(config, data.task)
    assert limit is not None
    if config.limited:
        return limit
    return replace(limit, most=WORSE_POINTS if limit.gate == "max-drop" else WORSE_GROWTH)


def _folder(source: KerasArtifact, where: FolderConfig) -> RunFolder:
    """Return the run folder of a model."""
    path = where.output or Path(f"{Path(source.name).stem}{RESULT}")
    folder = RunFolder(path, f"{source.name} ({sha256(source.payload)[:8]})", resume=where.resume)
    if folder.used and not (where.resume or where.force):
        raise OutputError(f"{path} holds a run; use `resume` to go on with it or `force` to begin anew")
    return folder


def _finished(
    search: Search, notes: Sequence[str], source: str | None, asked: DataConfig | None, progress: Progress
) -> Result:
    """Measure the front, write it and report; of a model that is no file there are no recipes."""
    folder, best = search.folder, search.best
    chosen = best or min(search.made, key=lambda one: _excess(search, one))
    front = front_of(search.made, search.goal, chosen)
    for number, one in enumerate(front, 1):
        one.file.name = f"point-{number}.tflite"
    output = folder.path / f"{Path(search.source.name).stem}{RESULT}.tflite"
    report = _report(search, front, chosen, progress).with_notes([*notes, *_told(search), *search.notes])
    report = report.model_copy(update={"output": str(output)})
    contents = {folder.path / one.file.name: one.file.payload for one in front}
    if source:
        contents |= {
            (folder.path / one.file.name).with_suffix(".yaml"): recipe_of(one, source, asked, folder.path)
            for one in front
        }
    folder.write(contents | {output: chosen.file.payload, folder.path / FRONT: report_json(report)})
    return Result(chosen.file, report, tuple(one.file for one in front))


def _report(search: Search, front: Sequence[Candidate], chosen: Candidate, progress: Progress) -> Report:
    """Measure the model and the files of the front on the test split, the dearest first, and say what was chosen."""
    config = search.config
    measured = [search.source, *(one.file for one in reversed(front))]
    report = report_of("optimize", config, search.data, measured, progress, metric=config.metric)
    found = {
        "front": points_of(search, front, search.best),
        "gates": _gates(search, chosen),
        "warnings": [*report.warnings, *_doubts(report, chosen, search.limit)],
    }
    return report.model_copy(update=found)


def _told(search: Search) -> list[str]:
    """Say how the choice came about."""
    trained = sum(bool(one.move.epochs) for one in search.made)
    notes = [
        f"{len(search.made)} files were made, {trained} of them trained for, and judged on the"
        f" {len(search.data.validation)} samples of the validation split; the test split was looked at once, by the"
        " files of the front"
    ]
    found = rank_correlation(search.measured)
    if found is not None:
        notes.append(
            f"predicted and measured losses of {len(search.measured)} files without training have a rank correlation"
            f" of {found:.2f}"
        )
    if search.config.limited is None and not search.by_answers:
        notes.append(f"no limit was set on what is lost: {search.limit.shown} are allowed")
    if search.best is None:
        notes.append("no file keeps to all limits: the nearest was written")
    return notes


def _excess(search: Search, one: Candidate) -> float:
    """Return by how much a file exceeds the limits, as the sum of shares of each."""
    over = [max(0.0, one.costs.get(name, 0.0) / most - 1) for name, most in search.config.costs_limited.items()]
    lost = 0.0 if search.by_answers else max(0.0, search.limit.at_stake(one.loss) - search.limit.most)
    return sum(over) + lost / max(search.limit.most, 0.01)


def _gates(search: Search, chosen: Candidate) -> list[GateResult]:
    """Hold the chosen file to all limits."""
    name = chosen.file.name
    gates = [] if search.by_answers else [search.limit.result(name, chosen.loss, "validation")]
    for cost, most in search.config.costs_limited.items():
        found = chosen.costs[cost]
        gates.append(GateResult(gate=GATES[cost], name=name, limit=most, found=found, passed=found <= most))
    return gates


def _doubts(report: Report, chosen: Candidate, limit: Limit) -> list[str]:
    """Say so if the chosen file clearly loses more on the test split than is allowed: it was chosen on another."""
    change: Comparison | None = next((one for one in report.comparisons if one.name == chosen.file.name), None)
    if change is None or change.accuracy is None or limit.gate != "max-drop" or -change.accuracy.high <= limit.most:
        return []
    return [
        f"on the test split {chosen.file.name} loses {-change.accuracy.change * 100:.2f} points"
        f" ({-change.accuracy.high * 100:.2f} to {-change.accuracy.low * 100:.2f}), more than is allowed: it was chosen"
        " on the validation split, of which more samples or `confidence` 0.95 make it surer"
    ]
