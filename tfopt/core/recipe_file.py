"""A recipe as a YAML file: read with the line of each mistake, built on other recipes, and written.

    extends: usual.yaml
    source: model.keras
    steps:
      - technique: prune
        config: {sparsity: 0.5}
    gates: {max_drop: 1%}

What a recipe `extends` gives the fields that it leaves out; of `data`, `gates` and `outputs` that holds for each of
their own fields. Paths are relative to the file that they stand in.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from tfopt.config.fields import Config
from tfopt.config.metric import MetricConfig, is_function
from tfopt.core.recipe import Outputs, Recipe, RecipeStep, Step, check_formats
from tfopt.core.registry import technique
from tfopt.core.yaml_document import Document, Place, read_document
from tfopt.data.config import DataConfig
from tfopt.errors import ConfigError, InputError
from tfopt.evaluation.config import Gates
from tfopt.formats.paths import check_model_path, location, relocated
from tfopt.typing import Json, Options

WHAT = "a recipe"
SECTIONS: dict[str, type[Config]] = {"data": DataConfig, "gates": Gates, "outputs": Outputs}
LONGEST = 200  # bytes of a file name
NAME = "source"  # `data: digits` is short for the source alone


class RecipeFile(NamedTuple):
    """A recipe, its file, and the files that it was read from, those that it extends included."""

    path: Path
    recipe: Recipe
    origin: list[Path]

    @property
    def inputs(self) -> list[Path]:
        """Return the files that a run reads: those of the recipe, its source, its data, and those its steps name."""
        recipe, found = self.recipe, [*self.origin]
        found += [location(Path(recipe.source))] if recipe.source else []
        found += [recipe.data.path] if recipe.data and recipe.data.path else []
        return [*found, *(path for step in recipe.pipeline_steps() for _, path in step.config.paths())]


def read_recipe(path: Path) -> Recipe:
    """Read a recipe and what it extends, and check all of it; paths are those from the current folder.

    Raises:
        InputError: In one sentence with the line, if the file is none, or no pipeline can be made of it.
    """
    recipe, _ = _read(_extended(path, []))
    return recipe


def open_recipe(path: Path) -> RecipeFile:
    """Read a recipe that is to be run: as `read_recipe`, and the files that it names must be there."""
    document = _extended(path, [])
    recipe, steps = _read(document)
    _check_files(document, recipe, steps)
    return RecipeFile(path, recipe, list(dict.fromkeys(line.path for line in document.lines.values())))


def _read(document: Document) -> tuple[Recipe, list[Step]]:
    for name, kind in SECTIONS.items():
        if isinstance(document.data.get(name), dict):
            with _told(document, (name,)):
                _check_metric(kind.model_validate(document.data[name]))
    listed = document.data.get("steps")
    for index, asked in enumerate(listed if isinstance(listed, list) else []):
        with _told(document, ("steps", index)):
            RecipeStep.model_validate(asked)
    with _told(document, ()):
        recipe = Recipe.model_validate(document.data)
    steps = [_step(document, index, asked) for index, asked in enumerate(recipe.steps)]
    for index in range(1, len(steps)):
        with _told(document, ("steps", index, "technique")):
            check_formats(steps[index - 1 : index + 1])
    _check_output(document, recipe, steps[-1])
    return recipe.model_copy(update=_located(document, recipe) | {"steps": Recipe.of(steps).steps}), steps


def _check_output(document: Document, recipe: Recipe, last: Step) -> None:
    """Raise `InputError` if the last step cannot give the outputs that are asked for."""
    name, gives = recipe.outputs.model, last.technique.gives
    with _told(document, ("outputs", "model")):
        if name is not None and (Path(name).name != name or Path(name).suffix != f".{gives}"):
            raise InputError(f"`model` {name} must be a name that ends in .{gives}, as {last.technique.name} gives")
        if name is not None and (not name.isprintable() or name.startswith(".") or len(name.encode()) > LONGEST):
            raise InputError(
                f"`model` must be a name of at most {LONGEST} bytes that can be printed, without a first dot"
            )
    with _told(document, ("outputs", "emit")):
        if recipe.outputs.emit and gives != "tflite":
            raise InputError(
                f"`emit` {recipe.outputs.emit} is for a .tflite file; {last.technique.name} gives .{gives}"
            )


def _check_metric(config: Config) -> None:
    """Raise `InputError` if a metric is code: a recipe may come from a stranger."""
    if isinstance(config, MetricConfig) and is_function(config.metric):
        raise InputError(
            f"`metric` {config.metric} is code to import, which a recipe cannot name: give --metric to a command"
        )


def _check_files(document: Document, recipe: Recipe, steps: Sequence[Step]) -> None:
    """Raise `InputError` if a file is not there."""
    with _told(document, ("source",)), _as_input_error("source"):
        if recipe.source is not None:
            check_model_path(recipe.source)
    with _told(document, ("data", NAME)), _as_input_error("data"):
        if recipe.data is not None and recipe.data.path and not recipe.data.path.exists():
            raise InputError(f"{recipe.data.path} does not exist")
    for index, step in enumerate(steps):
        for name, value in step.config.paths():
            with _told(document, ("steps", index, "config", name)), _as_input_error(name):
                if not value.exists():
                    raise InputError(f"`{name}` {value} does not exist")


@contextlib.contextmanager
def _as_input_error(what: str) -> Iterator[None]:
    """Make an `InputError` of what the system says of an odd path."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{what}: {getattr(error, 'strerror', None) or error}") from None


@contextlib.contextmanager
def _told(document: Document, place: Place) -> Iterator[None]:
    """Put the line of a place, and of what is wrong there, before an error; its fields are no options here."""
    try:
        yield
    except InputError as error:
        inside = error.place if isinstance(error, ConfigError) else ()
        sentence = str(error).replace("`", "")
        raise InputError(f"{document.line((*place, *inside))}: {sentence}") from None


def recipe_text(recipe: Recipe, folder: Path, before: str | None = None) -> str:
    """Return the YAML of a recipe.

    Args:
        recipe: The recipe; its paths are those from the current folder.
        folder: Where the file will lie.
        before: The YAML of the file that it replaces, whose comments are kept.
    """
    from ruamel.yaml import YAML

    data = recipe.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if recipe.source is not None:
        data["source"] = str(relocated(Path(recipe.source), lambda path: Path(_from(folder, path))))
    if recipe.data is not None and recipe.data.path:
        data["data"]["source"] = _from(folder, recipe.data.path)
    for step, asked in zip(recipe.pipeline_steps(), data["steps"], strict=True):
        asked.get("config", {}).update({name: _from(folder, value) for name, value in step.config.paths()})
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    yaml.dump(data if before is None else _with_comments(yaml.load(before), data), text)
    return text.getvalue()


def _with_comments(before: Any, data: Any) -> Any:
    """Return `data` in a document that ruamel.yaml has read, whose comments stay where their fields do."""
    if isinstance(before, dict) and isinstance(data, dict):
        for name in [name for name in before if name not in data]:
            del before[name]
        for name, value in data.items():
            before[name] = _with_comments(before.get(name), value)
        return before
    if isinstance(before, list) and isinstance(data, list) and len(before) == len(data):
        before[:] = [_with_comments(*pair) for pair in zip(before, data, strict=True)]
        return before
    return data


def _from(folder: Path, path: Path) -> str:
    """Return a path from `folder` instead of the current one; an absolute one stays as it is."""
    if path.is_absolute():
        return str(path)
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def _extended(path: Path, below: Sequence[Path]) -> Document:
    """Return a file with what it extends filled in."""
    document = read_document(path, WHAT)
    if isinstance(document.data.get("data"), str):
        document.data["data"] = {NAME: document.data["data"]}
        document.lines["data", NAME] = document.line(("data",))
    base = document.data.pop("extends", None)
    if base is None:
        return document
    line = document.line(("extends",))
    if not isinstance(base, str):
        raise InputError(f"{line}: extends must be the path of a recipe")
    chain = [*below, path]
    found = path.parent / base
    with _told(document, ("extends",)), _as_input_error(f"extends {base}"):
        if any(found.resolve() == one.resolve() for one in chain):
            raise InputError(f"{base} extends this recipe in turn: a recipe cannot be built on itself")
        if not found.is_file():
            raise InputError(f"extends {base}: {found} {'is no file' if found.exists() else 'does not exist'}")
    return _filled(document, _extended(found, chain))


def _filled(document: Document, base: Document) -> Document:
    """Return a document in which what is left out is that of `base`."""
    data: Json = {**base.data, **document.data}
    for name in SECTIONS:
        own, theirs = document.data.get(name), base.data.get(name)
        if isinstance(own, dict) and isinstance(theirs, dict):
            data[name] = {**theirs, **own}
    replaced = {name for name in document.data if name not in SECTIONS}
    theirs_left = {place: line for place, line in base.lines.items() if not place or place[0] not in replaced}
    return Document(document.path, data, theirs_left | document.lines)


def _step(document: Document, index: int, asked: RecipeStep) -> Step:
    """Return a step, with its paths from the current folder."""
    with _told(document, ("steps", index, "technique")):
        found = technique(asked.technique)
    place: Place = ("steps", index, "config")
    with _told(document, place):
        config = found.config.model_validate(asked.config)
        _check_metric(config)
        located = {name: str(_from_here(document, (*place, name), value)) for name, value in config.paths()}
        return Step(found, found.config.model_validate({**asked.config, **located}))


def _from_here(document: Document, place: Place, path: Path) -> Path:
    """Return a path, which is relative to the file that it stands in, from the current folder."""
    return document.line(place).path.parent / path


def _located(document: Document, recipe: Recipe) -> Options:
    """Return the fields of a recipe that name files, from the current folder."""
    found: Options = {}
    if recipe.source is not None:
        found["source"] = str(relocated(Path(recipe.source), lambda path: _from_here(document, ("source",), path)))
    if recipe.data is not None:
        here = _from_here(document, ("data", NAME), Path(recipe.data.source))
        if recipe.data.path or (here.exists() and not recipe.data.known):
            found["data"] = recipe.data.model_copy(update={NAME: str(here)})
    return found
