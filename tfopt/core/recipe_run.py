"""A recipe is run in a folder of its own: what its steps make is kept there, with the result and its report.

Afterwards the lock beside the recipe says what went in and what came out; with `locked` the run is held to it instead.
"""

from pathlib import Path
from typing import NamedTuple

from tfopt.config.run import FolderConfig
from tfopt.conversion.c_array import C_SUFFIXES
from tfopt.conversion.c_project import c_files
from tfopt.core.pipeline import Pipeline
from tfopt.core.recipe import Recipe
from tfopt.core.recipe_file import RecipeFile
from tfopt.core.recipe_lock import (
    Lock,
    LockError,
    check_inputs,
    check_lock_path,
    check_run,
    inputs_of,
    lock_of,
    lock_path,
)
from tfopt.core.result import Result
from tfopt.core.run_folder import STATE, RunFolder
from tfopt.errors import InputError, OutputError
from tfopt.formats.paths import model_stem
from tfopt.report.plan import Plan
from tfopt.report.schema import Report, package_versions
from tfopt.runtime.atomic_files import check_distinct
from tfopt.runtime.progress import Progress


class Files(NamedTuple):
    """The files that a run writes: the artifact, what lies beside it, its report, and the lock of the recipe."""

    output: Path
    companions: list[Path]
    report: Path
    lock: Path

    @classmethod
    def of(cls, opened: RecipeFile, config: FolderConfig) -> "Files":
        """Return those of a recipe."""
        path, recipe = opened.path, opened.recipe
        output = _folder(path, config) / _output_name(recipe)
        suffixes = [*recipe.pipeline_steps()[-1].technique.companions, *(C_SUFFIXES if recipe.outputs.emit else ())]
        report = output.with_name(f"{output.name}.report.json")
        return cls(output, [output.with_suffix(suffix) for suffix in suffixes], report, lock_path(path))

    @property
    def in_folder(self) -> list[Path]:
        """Return those in the run folder."""
        return [self.output, *self.companions, self.report]


def run_recipe(opened: RecipeFile, config: FolderConfig, progress: Progress) -> Result:
    """Run a recipe and write what comes out.

    Args:
        opened: The recipe (see `tfopt.core.recipe_file.open_recipe`).
        config: Where it runs, and what it is held to.
        progress: Shows how far the work is.

    Returns:
        The result, with the report as it was written; `report.output` is the path of the artifact.

    Raises:
        InputError: If the recipe has no source, or the model or the data cannot be used.
        OutputError: If the folder is that of another recipe or run, or a file is in the way or cannot be written.
        LockError: If an input is not the one that was locked.
    """
    path, recipe = opened.path, opened.recipe
    source, files, inputs = _source(opened), Files.of(opened, config), inputs_of(recipe)
    lock = Lock.read(files.lock) if config.locked else None
    if lock:
        check_inputs(lock, inputs, files.lock)
    else:
        check_lock_path(files.lock, path, force=config.force)
    folder = RunFolder(_folder(path, config), path.name, resume=config.resume)
    if folder.used and not (config.resume or config.force or config.locked):
        raise OutputError(
            f"{folder.path} holds a run of {path.name}; use `resume` to go on with it or `force` to begin anew"
        )
    check_distinct([*files.in_folder, folder.path / STATE, files.lock], opened.inputs)
    with folder.held():
        for one in files.in_folder:
            if one.exists() and not config.force and not folder.owns(one):
                raise OutputError(f"{one} exists and is not what an earlier run wrote; use `force` to replace it")
        result = Pipeline(recipe.pipeline_steps()).run(
            source, recipe.data, name=str(files.output), progress=progress, gates=recipe.gates, folder=folder
        )
        outputs = _payloads(files, result, recipe, progress)
        made = lock_of(path, recipe, inputs, result.report, {one.name: payload for one, payload in outputs.items()})
        report = result.report.model_copy(update={"command": "run", "output": str(files.output)})
        if folder.finished:
            steps = len(recipe.steps)
            report = report.with_notes([f"{folder.finished} of {steps} steps had been done by an earlier run"])
        if lock:
            checks, notes = check_run(lock, made)
            report = report.model_copy(update={"lock": checks}).with_notes(notes)
        elif report.passed:
            outputs[files.lock] = made.payload
        else:
            report = report.with_notes([f"{files.lock} was not written: a limit does not hold"])
        folder.write(outputs | {files.report: (report.model_dump_json(indent=2) + "\n").encode()})
    return Result(result.artifact, report, result.companions)


def plan_recipe(opened: RecipeFile, config: FolderConfig, progress: Progress) -> tuple[Plan, list[Path]]:
    """Say what a recipe would do to each layer, and which files it would write; arguments as for `run_recipe`."""
    recipe, files = opened.recipe, Files.of(opened, config)
    plan = Pipeline(recipe.pipeline_steps()).plan(_source(opened), recipe.data, progress=progress)
    return plan, [*files.in_folder, files.lock]


def files_of(opened: RecipeFile, config: FolderConfig) -> list[Path]:
    """Return all files that a run reads or writes, none of which may be used for anything else."""
    files = Files.of(opened, config)
    return [*opened.inputs, *files.in_folder, files.lock, _folder(opened.path, config) / STATE]


def refused_report(path: Path, error: LockError) -> Report:
    """Return the report of a run that was not begun, as its inputs are not those that were locked."""
    return Report(
        command="run",
        config={"recipe": path.name},
        data=None,
        measurements=[],
        comparisons=[],
        lock=error.checks,
        notes=[str(error)],
        versions=package_versions(),
    )


def _source(opened: RecipeFile) -> str:
    if opened.recipe.source is None:
        raise InputError(f"{opened.path} has no source: the model that its first step is given")
    return opened.recipe.source


def _folder(path: Path, config: FolderConfig) -> Path:
    return config.output or Path(f"{path.stem}-run")


def _output_name(recipe: Recipe) -> str:
    """Return the name of the file that the last step of a recipe makes."""
    name = f"{model_stem(Path(recipe.source))}.keras" if recipe.source else ""
    for step in recipe.pipeline_steps():
        name = step.technique.output_name(Path(name).stem, step.config)
    return recipe.outputs.model or name


def _payloads(files: Files, result: Result, recipe: Recipe, progress: Progress) -> dict[Path, bytes]:
    """Return what is written of a result, by its path."""
    payloads = [companion.payload for companion in result.companions]
    if recipe.outputs.emit:
        payloads += c_files(result.artifact, files.output.stem, progress)
    return {files.output: result.artifact.payload, **dict(zip(files.companions, payloads, strict=True))}
