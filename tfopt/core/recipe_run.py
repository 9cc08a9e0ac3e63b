"""A recipe is run in a folder of its own: what its steps make is kept there, with the result and its report.

Afterwards the lock beside the recipe says what went in and what came out; with `locked` the run is held to it instead.
"""

from collections.abc import Iterable
from pathlib import Path

from tfopt.config.run import FolderConfig
from tfopt.conversion.c_array import C_SUFFIXES, c_array
from tfopt.core.pipeline import Pipeline
from tfopt.core.recipe import Recipe
from tfopt.core.recipe_file import read_recipe
from tfopt.core.recipe_lock import Lock, check_inputs, check_run, lock_of, lock_path
from tfopt.core.result import Result
from tfopt.core.run_folder import RunFolder
from tfopt.errors import InputError, OutputError
from tfopt.report.plan import Plan
from tfopt.report.schema import Report
from tfopt.runtime.progress import Progress

REPORT = ".report.json"


def run_recipe(path: Path, config: FolderConfig, progress: Progress) -> Result:
    """Run a recipe and write what comes out.

    Args:
        path: The recipe.
        config: Where it runs, and what it is held to.
        progress: Shows how far the work is.

    Returns:
        The result, with the report as it was written; `report.output` is the path of the artifact.

    Raises:
        InputError: If the recipe is not sound, or names a file that is not there.
        OutputError: If the folder is that of another recipe or run, or cannot be written into.
        LockError: If an input is not the one that was locked.
    """
    recipe = read_recipe(path, files=True)
    source = _source(path, recipe)
    pipeline = Pipeline(recipe.pipeline_steps())
    lock = Lock.read(lock_path(path)) if config.locked else None
    if lock:
        check_inputs(lock, recipe, lock_path(path))
    folder = RunFolder(_folder(path, config), path.name, resume=config.resume)
    if folder.used and not (config.resume or config.force or config.locked):
        raise OutputError(
            f"{folder.path} holds a run of {path.name}; use `resume` to go on with it or `force` to begin anew"
        )
    output = folder.path / output_name(recipe)
    with folder.held():
        _check_files(folder, output, pipeline, recipe, force=config.force)
        result = pipeline.run(
            source, recipe.data, name=output.name, progress=progress, gates=recipe.gates, folder=folder
        )
        outputs = _outputs(output, result, recipe)
        made = lock_of(recipe, result.report, {one.name: payload for one, payload in outputs.items()})
        report = result.report.model_copy(update={"command": "run", "output": str(output)})
        report = report.with_notes(_kept(folder, len(pipeline.steps)))
        if lock:
            checks, notes = check_run(lock, made)
            report = report.model_copy(update={"lock": checks}).with_notes(notes)
        elif report.passed:
            outputs[lock_path(path)] = made.payload
        else:
            report = report.with_notes([f"{lock_path(path)} was not written: a limit does not hold"])
        folder.write(outputs | {_report_path(output): _json(report), folder.path / path.name: path.read_bytes()})
    return Result(result.artifact, report, result.companions)


def plan_recipe(path: Path, config: FolderConfig, progress: Progress) -> tuple[Plan, list[Path]]:
    """Say what a recipe would do to each layer, and which files it would write; arguments as for `run_recipe`."""
    recipe = read_recipe(path, files=True)
    pipeline = Pipeline(recipe.pipeline_steps())
    plan = pipeline.plan(_source(path, recipe), recipe.data, progress=progress)
    output = _folder(path, config) / output_name(recipe)
    return plan, [output, _report_path(output), lock_path(path)]


def _source(path: Path, recipe: Recipe) -> str:
    if recipe.source is None:
        raise InputError(f"{path} has no `source`: the model that its first step is given")
    return recipe.source


def _folder(path: Path, config: FolderConfig) -> Path:
    return config.output or Path(f"{path.stem}-run")


def output_name(recipe: Recipe) -> str:
    """Return the name of the file that the last step of a recipe makes."""
    if recipe.outputs.model:
        return recipe.outputs.model
    name = recipe.source or ""
    for step in recipe.pipeline_steps():
        name = step.technique.output_name(Path(name).stem, step.config)
    return name


def _outputs(output: Path, result: Result, recipe: Recipe) -> dict[Path, bytes]:
    """Return what is written of a result, by its path."""
    suffixes = recipe.pipeline_steps()[-1].technique.companions
    found = {output: result.artifact.payload}
    for suffix, companion in zip(suffixes, result.companions, strict=True):
        found[output.with_suffix(suffix)] = companion.payload
    if recipe.outputs.emit:
        texts = c_array(result.artifact.payload, output.stem)
        found |= {output.with_suffix(suffix): text.encode() for suffix, text in zip(C_SUFFIXES, texts, strict=True)}
    return found


def _check_files(folder: RunFolder, output: Path, pipeline: Pipeline, recipe: Recipe, *, force: bool) -> None:
    """Raise `OutputError` if a file is in the way that no run of this folder wrote as it is."""
    suffixes: Iterable[str] = pipeline.steps[-1].technique.companions
    names = [output, _report_path(output), *map(output.with_suffix, suffixes)]
    names += [output.with_suffix(suffix) for suffix in C_SUFFIXES if recipe.outputs.emit]
    for path in names:
        if path.exists() and not force and not folder.owns(path):
            raise OutputError(f"{path} exists and is not what an earlier run wrote; use `force` to replace it")


def _kept(folder: RunFolder, steps: int) -> list[str]:
    if not folder.finished:
        return []
    return [f"{folder.finished} of {steps} steps had been done by an earlier run in {folder.path}"]


def _report_path(output: Path) -> Path:
    return output.with_name(output.name + REPORT)


def _json(report: Report) -> bytes:
    return (report.model_dump_json(indent=2) + "\n").encode()
